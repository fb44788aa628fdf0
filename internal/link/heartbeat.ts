import type { Clock, Stop } from '#internal/core/clock';

/** A side that was silent for this long is asked for a sign of life. */
export const pingAfterMs = 10_000;
/** A side that was silent for this long is gone. */
export const deadAfterMs = 20_000;

interface Pulse {
  /** We have sent nothing for {@link pingAfterMs}. */
  quiet(): void;
  /** We have heard nothing for {@link pingAfterMs}. */
  unheard(): void;
  /** We have heard nothing for {@link deadAfterMs}. */
  dead(): void;
  /** Bytes ever read; any growth is life. */
  receivedBytes(): number;
}

/** Watches one link's silence in both directions, once a second. */
export class Heartbeat {
  readonly #clock: Clock;
  readonly #pulse: Pulse;
  readonly #stop: Stop;
  #sentAt: number;
  #heardAt: number;
  #askedAt: number;
  #receivedBytes: number;

  constructor(clock: Clock, pulse: Pulse) {
    this.#clock = clock;
    this.#pulse = pulse;
    this.#sentAt = this.#heardAt = this.#askedAt = clock.now();
    this.#receivedBytes = pulse.receivedBytes();
    this.#stop = clock.every(1_000, () => this.#check());
  }

  /** Something was sent now. */
  sent(): void {
    this.#sentAt = this.#clock.now();
  }

  stop(): void {
    this.#stop();
  }

  #check(): void {
    const now = this.#clock.now();
    const receivedBytes = this.#pulse.receivedBytes();
    if (receivedBytes !== this.#receivedBytes) {
      this.#receivedBytes = receivedBytes;
      this.#heardAt = this.#askedAt = now;
    }
    if (now - this.#heardAt >= deadAfterMs) {
      this.stop();
      this.#pulse.dead();
      return;
    }
    if (now - this.#askedAt >= pingAfterMs) {
      this.#askedAt = now;
      this.#pulse.unheard();
    }
    if (now - this.#sentAt >= pingAfterMs) {
      this.#sentAt = now;
      this.#pulse.quiet();
    }
  }
}
