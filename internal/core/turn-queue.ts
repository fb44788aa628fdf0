/** So many things are done in one turn of the event loop; each takes a fraction of a millisecond. */
const jobsPerTurn = 16;

/**
 * Does a few things in each turn of the event loop and lets the others wait: a thousand agents that come at once must not
 * hold up everybody else.
 */
export class TurnQueue {
  readonly #waiting: (() => void)[] = [];
  #doneThisTurn = 0;
  #isScheduled = false;

  /** Does it at once, or in a later turn when enough was done in this one. In the order of the calls. */
  add(job: () => void): void {
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(this.#turn);
    }
    if (this.#waiting.length === 0 && this.#doneThisTurn < jobsPerTurn) {
      this.#doneThisTurn += 1;
      job();
    } else this.#waiting.push(job);
  }

  /** Resolves when it is the caller's turn. */
  async wait(): Promise<void> {
    await new Promise<void>((resolve) => this.add(resolve));
  }

  readonly #turn = (): void => {
    this.#isScheduled = this.#waiting.length > 0;
    if (this.#isScheduled) setImmediate(this.#turn);
    this.#doneThisTurn = 0;
    for (const job of this.#waiting.splice(0, jobsPerTurn)) {
      this.#doneThisTurn += 1;
      job();
    }
  };
}
