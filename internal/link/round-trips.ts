import type { Clock } from '#internal/core/clock';

/** How much one sample counts, as TCP has it (RFC 6298 §2). */
const weight = 1 / 8;

/** Measures round trips by pings whose answers carry the same token. */
export class RoundTrips {
  readonly #clock: Clock;
  #token = 0;
  #sentAt: number | undefined;
  /** The smoothed round trip in milliseconds; undefined as long as none was measured. */
  ms: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A ping to be sent now. One that has to wait behind `queuedBytes` is no measure of the way. */
  ping(queuedBytes: number): { kind: 'ping'; token: number } {
    this.#token += 1;
    this.#sentAt = queuedBytes === 0 ? this.#clock.now() : undefined;
    return { kind: 'ping', token: this.#token };
  }

  /** An answer came. Whether it was a measure: those to older pings are not. */
  answered(token: number): boolean {
    if (token !== this.#token || this.#sentAt === undefined) return false;
    const sample = this.#clock.now() - this.#sentAt;
    this.#sentAt = undefined;
    this.ms = this.ms === undefined ? sample : this.ms + weight * (sample - this.ms);
    return true;
  }
}
