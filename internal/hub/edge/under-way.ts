/** The exchanges that a closing hub waits for. */
export class UnderWay {
  #count = 0;
  #onIdle: (() => void) | undefined;
  /** Whether somebody waits for the last one: then connections are not kept for another. */
  isClosing = false;

  begin(): void {
    this.#count += 1;
  }

  end(): void {
    this.#count -= 1;
    if (this.#count === 0) this.#onIdle?.();
  }

  /** Resolves once none is left. */
  async idle(): Promise<void> {
    this.isClosing = true;
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }
}
