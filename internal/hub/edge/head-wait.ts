/** A head must be complete by then. */
export const headMs = 10_000;
/** Longer than the 60 s of common load balancers, so that we never close what they are about to use. */
const idleMs = 75_000;

const silentMs = 1_000;

/** How long a connection may wait for its next request. The first head's time runs from the connection's beginning. */
export class HeadWait {
  #since: number;
  #hasBegun = false;
  #silenceMs = headMs;

  constructor(now: number) {
    this.#since = now;
  }

  /** A request is over, and the next one may come. */
  again(now: number): void {
    this.#since = now;
    this.#hasBegun = false;
    this.#silenceMs = idleMs;
  }

  /** A part of a head has come. */
  begun(now: number): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    if (this.#silenceMs === idleMs) this.#since = now;
  }

  /** Whether nothing has come for a second: more than what was sent before takes to arrive. */
  isSilent(now: number): boolean {
    return !this.#hasBegun && now - this.#since >= silentMs;
  }

  /** Whether the visitor was silent for too long, or its head is too late. */
  verdict(now: number): 'silent' | 'late' | undefined {
    const waitedMs = now - this.#since;
    if (!this.#hasBegun) return waitedMs >= this.#silenceMs ? 'silent' : undefined;
    return waitedMs >= headMs ? 'late' : undefined;
  }
}
