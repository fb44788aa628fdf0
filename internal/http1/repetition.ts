/** After so many new ones in a row the next one is likely to be new, too. */
const patience = 16;

/**
 * Whether what comes has come before, as far as that can be foretold. Some clients and services never say the same twice:
 * then it is in vain to look for what was kept, and to keep what comes, but for one now and then.
 */
export class Repetition {
  /** So many in a row were new, or not looked for. */
  #newCount = 0;

  /** Whether what comes next is to be looked for, and kept if it is new. To be asked once for each. */
  isLikely(): boolean {
    // It goes round, since the engine is slower with numbers that no longer fit in 31 bits.
    this.#newCount = this.#newCount === 2 * patience ? patience + 1 : this.#newCount + 1;
    return this.#newCount <= patience || this.#newCount === 2 * patience;
  }

  /** What was looked for was found. */
  found(): void {
    this.#newCount = 0;
  }
}
