import { keptLength } from './recent.ts';
import { Repetition } from './repetition.ts';

const empty = Buffer.alloc(0);
const leastBytes = 256;

/** A head, and the bytes behind it. */
export interface HeadRead<Head> {
  head: Head;
  rest: Buffer;
}

/**
 * What was read last where a head begins, for when the same bytes come again: to compare them takes less time than to look
 * for where the head ends, and no text is made of them. Whoever gets the head must not change it.
 */
export class LastHead<Head> {
  /** All of the head, and room for a longer one. */
  #bytes: Buffer = empty;
  #byteCount = 0;
  #head: Head | undefined;
  readonly #repetition = new Repetition();

  /** The head with which `bytes` begin. Another one than the last is read by `anew`, which may find that it is not whole. */
  read(bytes: Buffer, anew: (bytes: Buffer) => HeadRead<Head> | undefined): HeadRead<Head> | undefined {
    if (!this.#repetition.isLikely()) return anew(bytes);
    const count = this.#byteCount;
    if (count > 0 && bytes.length >= count && bytes.compare(this.#bytes, 0, count, 0, count) === 0) {
      this.#repetition.found();
      return { head: this.#head as Head, rest: bytes.length === count ? empty : bytes.subarray(count) };
    }
    const read = anew(bytes);
    if (read) this.#keep(bytes, bytes.length - read.rest.length, read.head);
    return read;
  }

  #keep(bytes: Buffer, byteCount: number, head: Head): void {
    const isKept = byteCount <= keptLength;
    this.#byteCount = isKept ? byteCount : 0;
    this.#head = isKept ? head : undefined;
    if (this.#byteCount > this.#bytes.length) this.#bytes = Buffer.allocUnsafeSlow(Math.max(byteCount, leastBytes));
    bytes.copy(this.#bytes, 0, 0, this.#byteCount);
  }
}
