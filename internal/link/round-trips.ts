/** How much one sample counts, as TCP has it (RFC 6298 §2). */
const weight = 1 / 8;

/** Measures round trips by pings whose answers carry the same token. */
export class RoundTrips {
  #token = 0;
  #sentAt: number | undefined;
  /** The smoothed round trip in milliseconds; undefined as long as none was measured. */
  ms: number | undefined;

  /** A ping goes out now; gives its token. One that has to wait behind other data is no measure of the way. */
  ask(now: number, { isQueueEmpty }: { isQueueEmpty: boolean }): number {
    this.#token += 1;
    this.#sentAt = isQueueEmpty ? now : undefined;
    return this.#token;
  }

  /** An answer came. Whether it was a measure: those to older pings are not. */
  answered(token: number, now: number): boolean {
    if (token !== this.#token || this.#sentAt === undefined) return false;
    const sample = now - this.#sentAt;
    this.#sentAt = undefined;
    this.ms = this.ms === undefined ? sample : this.ms + weight * (sample - this.ms);
    return true;
  }
}
