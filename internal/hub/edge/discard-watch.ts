const idleMs = 5_000;
const totalMs = 30_000;

/**
 * How long bytes are taken that nobody wants any more: as long as they come, within limits. Whoever writes all of a request
 * before it reads would have to write on a connection that was reset, and lose our answer.
 */
export class DiscardWatch {
  #since = 0;
  #movedAt = 0;
  #byteCount = 0;

  /** Begins anew. */
  begin(now: number): void {
    this.#since = this.#movedAt = now;
    this.#byteCount = 0;
  }

  /** Whether it has been long enough; asked once a second or so. `byteCount`: what has come since the beginning. */
  isOver(now: number, byteCount: number): boolean {
    if (byteCount !== this.#byteCount) this.#movedAt = now;
    this.#byteCount = byteCount;
    return now - this.#movedAt >= idleMs || now - this.#since >= totalMs;
  }
}
