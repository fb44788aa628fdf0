import type { Socket } from 'node:net';

const windowMs = 60_000;
/** What a visitor has to take in that time while something waits for it: 1 kB/s. */
const leastBytes = 60_000;

/** Watches that a visitor reads what it is sent. Asked once a second or so. */
export class SlowReaderWatch {
  readonly #socket: Socket;
  /** When the present window began, and what had been taken by then. */
  #since: number | undefined;
  #takenBefore = 0;
  /** When it last took something, and what it had taken then. */
  #movedAt = 0;
  #taken = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Whether the visitor took nothing, or next to nothing, for a minute. `isWaiting`: whether it could have. */
  isStalled(now: number, isWaiting: boolean): boolean {
    if (!isWaiting) {
      this.#since = undefined;
      return false;
    }
    const taken = this.#socket.bytesWritten - this.#socket.writableLength;
    if (this.#since === undefined) {
      this.#begin(now, taken);
      this.#movedAt = now;
    } else if (taken !== this.#taken) this.#movedAt = now;
    this.#taken = taken;
    if (now - this.#movedAt >= windowMs) return true;
    if (now - (this.#since ?? now) < windowMs) return false;
    if (taken - this.#takenBefore < leastBytes) return true;
    this.#begin(now, taken);
    return false;
  }

  #begin(now: number, taken: number): void {
    this.#since = now;
    this.#takenBefore = taken;
  }
}
