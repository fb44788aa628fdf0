/** The exchanges that a closing hub waits for, and when anybody last asked for something. Times in milliseconds. */
export class UnderWay {
  #count = 0;
  /** Whether the hub closes: then connections are not kept for another request. */
  isClosing = false;
  /** When the last exchange began. */
  begunAt = Number.NEGATIVE_INFINITY;
  /** When anybody but an agent last turned to the hub itself: somebody in front of it may watch it. */
  askedAt = Number.NEGATIVE_INFINITY;

  get isIdle(): boolean {
    return this.#count === 0;
  }

  begin(now: number): void {
    this.#count += 1;
    this.begunAt = now;
  }

  end(): void {
    this.#count -= 1;
  }
}
