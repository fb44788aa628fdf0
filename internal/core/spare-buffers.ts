/** Buffers of one length that are used again and again: to allocate 64 KiB takes longer than to fill it. */
export class SpareBuffers {
  readonly byteCount: number;
  readonly #maxCount: number;
  readonly #own = new WeakSet<ArrayBufferLike>();
  #spare: Buffer[] = [];

  constructor(byteCount: number, maxCount: number) {
    this.byteCount = byteCount;
    this.#maxCount = maxCount;
  }

  /** Bytes of all that wait to be used again. */
  get spareBytes(): number {
    return this.#spare.length * this.byteCount;
  }

  /** What `take` will give, if that needs no new one. */
  get next(): Buffer | undefined {
    return this.#spare.at(-1);
  }

  take(): Buffer {
    const spare = this.#spare.pop();
    if (spare) return spare;
    const buffer = Buffer.allocUnsafeSlow(this.byteCount);
    this.#own.add(buffer.buffer);
    return buffer;
  }

  /** Takes back what was taken here, or a part of it, once. Anything else is passed over. */
  give({ buffer }: Buffer): void {
    if (this.#own.has(buffer) && this.#spare.length < this.#maxCount) this.#spare.push(Buffer.from(buffer));
  }

  clear(): void {
    this.#spare = [];
  }
}
