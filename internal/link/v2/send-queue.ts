import { SpareBuffers } from '#internal/core/spare-buffers';
import { copyToKeep } from '#internal/core/young-garbage';

/** Data that is worth a batch of its own. */
export const longBytes = 16_384;

/** For what waits of long reads. What waits for its turn among many streams would be old garbage afterwards. */
const copies = new SpareBuffers(65_536, 64);

/** Bytes of one stream that wait to be sent, in their order. */
export class SendQueue {
  #chunks: Buffer[] = [];
  /** Bytes of the first chunk that were sent. */
  #sentOfFirst = 0;
  byteCount = 0;

  /** Adds bytes. Of a long piece nothing is copied: what is left of it when it could be sent at once, {@link keep} has to. */
  push(chunk: Buffer): void {
    // A short piece seldom leaves before its end, or others, have come too.
    this.#chunks.push(chunk.length < longBytes ? copyToKeep(chunk) : chunk);
    this.byteCount += chunk.length;
  }

  /**
   * Copies what was not sent of a long chunk that was pushed. More may have come behind it: whoever was told that there is
   * room may write at once. `waits`: whether it may have to wait for long.
   */
  keep(chunk: Buffer, { waits }: { waits: boolean }): void {
    const at = this.#chunks.lastIndexOf(chunk);
    if (at === -1) return;
    const rest = at === 0 ? chunk.subarray(this.#sentOfFirst) : chunk;
    if (at === 0) this.#sentOfFirst = 0;
    // What may have to wait must not keep a much larger buffer than it needs.
    const leastBytes = waits ? copies.byteCount / 2 : longBytes;
    const isLong = rest.length >= leastBytes && rest.length <= copies.byteCount;
    this.#chunks[at] = isLong ? longCopy(rest) : copyToKeep(rest);
  }

  /** Moves so many of the bytes into `target`. There must be as many. */
  take(target: Buffer, offset: number, byteCount: number): void {
    let at = offset;
    const end = offset + byteCount;
    while (at < end) {
      const chunk = this.#chunks[0] as Buffer;
      const count = chunk.copy(target, at, this.#sentOfFirst, this.#sentOfFirst + end - at);
      at += count;
      this.#sentOfFirst += count;
      if (this.#sentOfFirst < chunk.length) break;
      this.#chunks.shift();
      this.#sentOfFirst = 0;
      copies.give(chunk);
    }
    this.byteCount -= byteCount;
  }

  clear(): void {
    this.#chunks = [];
    this.#sentOfFirst = this.byteCount = 0;
  }
}

function longCopy(chunk: Buffer): Buffer {
  const copy = copies.take().subarray(0, chunk.length);
  chunk.copy(copy);
  return copy;
}
