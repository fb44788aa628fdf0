import type { Stop } from './clock.ts';

interface Entry<T> {
  readonly member: T;
  at: number;
}

/**
 * Who is there at the moment, in no order. Not a `Set`: when one of those has seen as many members as it has room for, it
 * begins anew, and what it held stays reachable from what it was until the whole heap is collected. Of members that come
 * and go many would be kept, and copied, for seconds.
 */
export class Roster<T> implements Iterable<T> {
  readonly #entries: Entry<T>[] = [];

  get size(): number {
    return this.#entries.length;
  }

  /** Takes a member. What is given takes it out again, once. */
  add(member: T): Stop {
    const entry = { member, at: this.#entries.length };
    this.#entries.push(entry);
    return () => this.#remove(entry);
  }

  /** Those that are there now. They may leave meanwhile. */
  [Symbol.iterator](): Iterator<T> {
    return this.#entries.map(({ member }) => member)[Symbol.iterator]();
  }

  #remove(entry: Entry<T>): void {
    if (this.#entries[entry.at] !== entry) return;
    const last = this.#entries.pop() as Entry<T>;
    if (last === entry) return;
    last.at = entry.at;
    this.#entries[entry.at] = last;
  }
}
