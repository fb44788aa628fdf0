import { Repetition } from './repetition.ts';

/** A longer head is read anew each time it comes, and nothing is kept of it: so what idle connections hold is bounded. */
export const keptLength = 4_096;

/**
 * What was made of texts lately. Heads come again and again, byte for byte, and to see that two are the same costs a
 * fraction of reading one. Whoever uses it must not change what it gives: the next one with the same text gets it too.
 */
export class Recent<Made> {
  readonly #make: (text: string) => Made;
  readonly #lastSlot: number;
  readonly #slots: ({ text: string; made: Made } | undefined)[];
  readonly #repetition = new Repetition();

  /** `make` may throw; then nothing is kept. `slotCount` is a power of two: as many texts at most are kept. */
  constructor(make: (text: string) => Made, slotCount: number) {
    this.#make = make;
    this.#lastSlot = slotCount - 1;
    this.#slots = new Array<undefined>(slotCount).fill(undefined);
  }

  of(text: string): Made {
    if (!this.#repetition.isLikely()) return this.#make(text);
    const slot = this.#slotOf(text);
    const known = this.#slots[slot];
    if (known !== undefined && known.text === text) {
      this.#repetition.found();
      return known.made;
    }
    const made = this.#make(text);
    if (text.length <= keptLength) this.#slots[slot] = { text, made };
    return made;
  }

  /** Forgets all of it. */
  clear(): void {
    this.#slots.fill(undefined);
  }

  /** Only looks at a few characters: where two texts meet, the later one is kept. */
  #slotOf(text: string): number {
    if (this.#lastSlot === 0) return 0;
    const { length } = text;
    let hash = length;
    // Mostly heads differ by a length, a date or a tag somewhere behind the first line.
    for (let step = 1; step < 8; step += 1) hash = (hash * 31 + text.charCodeAt((length * step) >> 3)) | 0;
    return hash & this.#lastSlot;
  }
}
