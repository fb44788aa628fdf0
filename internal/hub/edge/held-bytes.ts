import { isReadBuffer } from '#internal/core/in-place-socket';
import { copyToKeep } from '#internal/core/young-garbage';

/** Bytes that were read and can't be used yet, in their order. */
export class HeldBytes {
  readonly #chunks: Buffer[] = [];
  byteCount = 0;

  get isEmpty(): boolean {
    return this.#chunks.length === 0;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.byteCount += chunk.length;
  }

  /** Puts back the end of the chunk that was taken last. */
  putBack(rest: Buffer): void {
    if (rest.length === 0) return;
    this.#chunks.unshift(rest);
    this.byteCount += rest.length;
  }

  /** Nothing that is held may lie where the next read goes. */
  keep(): void {
    // To look before the first one is slow: the engine takes -1 for a name.
    if (this.isEmpty) return;
    const last = this.#chunks.length - 1;
    const chunk = this.#chunks[last] as Buffer;
    if (isReadBuffer(chunk)) this.#chunks[last] = copyToKeep(chunk);
  }

  /** The next chunk. There must be one. */
  take(): Buffer {
    const chunk = this.#chunks.shift() as Buffer;
    this.byteCount -= chunk.length;
    return chunk;
  }

  /** All of it at once. */
  takeAll(): Buffer {
    this.byteCount = 0;
    return Buffer.concat(this.#chunks.splice(0));
  }
}
