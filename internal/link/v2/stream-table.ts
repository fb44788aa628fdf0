/** What has a number of its own. */
interface Numbered {
  readonly id: number;
}

const leastSlots = 16;

/**
 * The streams that are under way, by their number. Not a `Map`: when one of those has seen as many numbers as it has room
 * for, it begins anew, and what it held stays reachable from what it was until the whole heap is collected. With streams
 * that live for a millisecond, half of all there ever were would be kept, and copied, for seconds.
 */
export class StreamTable<T extends Numbered> implements Iterable<T> {
  /** A power of two of them, at most half of them taken: whoever finds its slot taken has the next free one. */
  #slots: (T | undefined)[] = emptySlots(leastSlots);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): T | undefined {
    return this.#slots[this.#find(id)];
  }

  has(id: number): boolean {
    return this.get(id) !== undefined;
  }

  /** Takes a stream whose number is not taken. */
  add(stream: T): void {
    if (2 * (this.#size + 1) > this.#slots.length) this.#grow();
    this.#slots[this.#find(stream.id)] = stream;
    this.#size += 1;
  }

  delete(id: number): void {
    const slots = this.#slots;
    let free = this.#find(id);
    if (slots[free] === undefined) return;
    this.#size -= 1;
    // Whoever had to go further than its own slot moves up, so that looking for it ends at no gap.
    const mask = slots.length - 1;
    for (let at = (free + 1) & mask; ; at = (at + 1) & mask) {
      const stream = slots[at];
      if (stream === undefined) break;
      const own = ownSlot(stream.id, mask);
      if (((at - own) & mask) < ((at - free) & mask)) continue;
      slots[free] = stream;
      free = at;
    }
    slots[free] = undefined;
  }

  /** All of them, in no order. They may be deleted meanwhile. */
  [Symbol.iterator](): Iterator<T> {
    return this.#slots.filter((stream) => stream !== undefined)[Symbol.iterator]();
  }

  /** Where a number is, or would be. */
  #find(id: number): number {
    const mask = this.#slots.length - 1;
    let at = ownSlot(id, mask);
    for (let stream = this.#slots[at]; stream !== undefined && stream.id !== id; stream = this.#slots[at]) {
      at = (at + 1) & mask;
    }
    return at;
  }

  #grow(): void {
    const streams = [...this];
    this.#slots = emptySlots(2 * this.#slots.length);
    this.#size = 0;
    for (const stream of streams) this.add(stream);
  }
}

/** Each end counts its own streams by twos, so neighbours are in use at the same time. */
function ownSlot(id: number, mask: number): number {
  return (id >>> 1) & mask;
}

function emptySlots(count: number): undefined[] {
  return new Array<undefined>(count).fill(undefined);
}
