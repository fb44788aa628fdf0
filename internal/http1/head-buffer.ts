import { Http1Error } from './error.ts';

const empty = Buffer.alloc(0);

/** Collects bytes until a head is complete. */
export class HeadBuffer {
  readonly #maxBytes: number;
  #held: Buffer = empty;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  /** The beginning of a head whose end has not come. */
  get held(): Buffer {
    return this.#held;
  }

  /**
   * Takes bytes. Once the empty line has come, gives the head without it, and the bytes behind. Throws
   * {@link Http1Error} when the head is too long, or a line in it ends in LF or CR alone.
   */
  push(chunk: Buffer): { text: string; rest: Buffer } | undefined {
    if (this.isEmpty) {
      const text = wholeHead(chunk);
      if (text !== undefined && text.length <= this.#maxBytes) return { text, rest: empty };
    }
    const bytes = this.isEmpty ? chunk : Buffer.concat([this.#held, chunk]);
    // The empty line may have begun with the last bytes before.
    const end = bytes.indexOf('\r\n\r\n', Math.max(0, this.#held.length - 3), 'latin1');
    if ((end === -1 ? bytes.length : end) > this.#maxBytes) {
      this.#held = Buffer.from(bytes);
      throw new Http1Error(431, `the head exceeds ${this.#maxBytes} bytes`);
    }
    if (end === -1) {
      checkLineEnds(bytes, this.#held.length);
      // The chunk's buffer may be used again.
      this.#held = bytes === chunk ? Buffer.from(chunk) : bytes;
      return undefined;
    }
    this.#held = empty;
    return { text: bytes.toString('latin1', 0, end), rest: bytes.subarray(end + 4) };
  }
}

/** Longer ones are looked through before they are made a text. */
const shortBytes = 4_096;

/** The text of a head that has come whole and alone, as most do: that is cheaper to see in the text than in the bytes. */
function wholeHead(bytes: Buffer): string | undefined {
  const end = bytes.length - 4;
  if (end < 1 || end > shortBytes || bytes.readUInt32BE(end) !== 0x0d0a_0d0a || bytes[end - 1] === 10) return undefined;
  // Not a part of a longer text, which the engine is slow to compare with the next one.
  const text = bytes.toString('latin1', 0, end);
  return text.includes('\r\n\r\n') ? undefined : text;
}

/** Lines that end in one of CR and LF never make an empty line: whoever sends them would wait for us, and we for them. */
function checkLineEnds(bytes: Buffer, from: number): void {
  for (let at = bytes.indexOf(10, from); at !== -1; at = bytes.indexOf(10, at + 1)) {
    if (bytes[at - 1] !== 13) throw new Http1Error(400, 'a line ends in LF without CR');
  }
  // The last byte before may have been a CR, and what is behind the last one now has not come.
  for (let at = bytes.indexOf(13, Math.max(0, from - 1)); at !== -1; at = bytes.indexOf(13, at + 1)) {
    if (at + 1 < bytes.length && bytes[at + 1] !== 10) throw new Http1Error(400, 'a line has CR without LF');
  }
}
