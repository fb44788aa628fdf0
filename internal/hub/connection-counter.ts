import { countingKey, isLoopback } from './addresses.ts';

/** Counts what each visitor address has open, and says when it is enough. Loopback is exempt. */
export class ConnectionCounter {
  readonly #max: number;
  readonly #counts = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  /** Counts one more for an address. Gives what undoes it, or undefined when the address has too many. */
  enter(address: string): (() => void) | undefined {
    if (isLoopback(address)) return () => undefined;
    const key = countingKey(address);
    const count = this.#counts.get(key) ?? 0;
    if (count >= this.#max) return undefined;
    this.#counts.set(key, count + 1);
    return () => this.#leave(key);
  }

  #leave(key: string): void {
    const count = (this.#counts.get(key) ?? 1) - 1;
    if (count === 0) this.#counts.delete(key);
    else this.#counts.set(key, count);
  }
}
