/**
 * How long to wait before the next attempt of something that keeps failing: full jitter below a ceiling that doubles
 * from 100 ms to 2 s, and is 15 s once the outage has lasted 2 minutes. The low first ceiling brings everyone back soon
 * after a restart, the jitter keeps them from coming at once, and the high one spares a hub that is gone for long.
 */
export class Backoff {
  readonly #random: () => number;
  #attempt = 0;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** Milliseconds to wait now, given how long the outage has lasted. */
  next(outageMs: number): number {
    const ceiling = outageMs >= 120_000 ? 15_000 : Math.min(2_000, 100 * 2 ** this.#attempt);
    this.#attempt += 1;
    return this.#random() * ceiling;
  }

  /** Starts over, after a success. */
  reset(): void {
    this.#attempt = 0;
  }
}
