import type { Clock, Stop } from '#internal/core/clock';

/** How long the origin may take to ask for a body itself. */
const originMs = 500;

/** The one 100 that a visitor waits for before it sends its body. */
export class Continue {
  readonly #send: () => void;
  #isDue = true;
  #stopTimer: Stop | undefined;

  constructor(send: () => void) {
    this.#send = send;
  }

  get isDue(): boolean {
    return this.#isDue;
  }

  /** Leaves it to the origin for a moment. */
  sendLater(clock: Clock): void {
    if (this.#isDue) this.#stopTimer = clock.after(originMs, () => this.sendNow());
  }

  /** Sends it unless that was done. */
  sendNow(): void {
    if (!this.#isDue) return;
    this.drop();
    this.#send();
  }

  /** The answer is here. */
  drop(): void {
    this.#isDue = false;
    this.#stopTimer?.();
  }
}
