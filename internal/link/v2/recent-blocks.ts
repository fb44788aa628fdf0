import { keptLength } from '#internal/http1/recent';
import { Repetition } from '#internal/http1/repetition';

const leastBytes = 256;

/** A block that came, in a buffer that may have room for a longer one, and what was made of it. */
interface Slot<Made> {
  bytes: Buffer;
  byteCount: number;
  made: Made;
}

/**
 * What was made of blocks of bytes lately: as {@link Recent}, for what has not become a text yet. To compare bytes where
 * they are takes less than to make a text of them. Whoever uses it must not change what it gives.
 */
export class RecentBlocks<Made> {
  readonly #make: (bytes: Buffer, start: number, end: number) => Made;
  readonly #lastSlot: number;
  readonly #slots: (Slot<Made> | undefined)[];
  readonly #repetition = new Repetition();

  /** `make` may throw; then nothing is kept. `slotCount` is a power of two: as many are kept at most. */
  constructor(make: (bytes: Buffer, start: number, end: number) => Made, slotCount: number) {
    this.#make = make;
    this.#lastSlot = slotCount - 1;
    this.#slots = new Array<undefined>(slotCount).fill(undefined);
  }

  /** Of the bytes from `start` to `end`. */
  of(bytes: Buffer, start: number, end: number): Made {
    if (!this.#repetition.isLikely()) return this.#make(bytes, start, end);
    const at = this.#slotOf(bytes, start, end);
    const slot = this.#slots[at];
    const byteCount = end - start;
    if (slot?.byteCount === byteCount && bytes.compare(slot.bytes, 0, byteCount, start, end) === 0) {
      this.#repetition.found();
      return slot.made;
    }
    const made = this.#make(bytes, start, end);
    if (byteCount <= keptLength) {
      const isLongEnough = slot !== undefined && slot.bytes.length >= byteCount;
      const kept = isLongEnough ? slot.bytes : Buffer.allocUnsafeSlow(Math.max(byteCount, leastBytes));
      bytes.copy(kept, 0, start, end);
      this.#slots[at] = { bytes: kept, byteCount, made };
    }
    return made;
  }

  /** Forgets all of it. */
  clear(): void {
    this.#slots.fill(undefined);
  }

  /** Only looks at a few bytes: where two blocks meet, the later one is kept. */
  #slotOf(bytes: Buffer, start: number, end: number): number {
    const length = end - start;
    let hash = length;
    // Mostly heads differ by a length, a date or a tag somewhere behind the first line.
    for (let step = 1; step < 8; step += 1) hash = (hash * 31 + (bytes[start + ((length * step) >> 3)] ?? 0)) | 0;
    return hash & this.#lastSlot;
  }
}
