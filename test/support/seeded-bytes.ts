import { Random } from './random.ts';

const blockBytes = 65_536;
const block = new Random(1).bytes(blockBytes);
const twice = Buffer.concat([block, block]);

/** Bytes that follow from a seed and their position alone, so that every piece of them can be checked by itself. */
export class SeededBytes {
  readonly #turned: Buffer;

  constructor(seed: number) {
    const turn = (seed * 40_503) % blockBytes;
    this.#turned = twice.subarray(turn, turn + blockBytes);
  }

  /** So many bytes from a position on, or fewer: a piece ends with its block. */
  piece(at: number, length: number): Buffer {
    const within = at % blockBytes;
    const piece = Buffer.from(this.#turned.subarray(within, Math.min(blockBytes, within + length)));
    // Each block has its number, so that one which comes twice or out of order shows.
    const number = Buffer.alloc(4);
    number.writeUInt32BE(Math.floor(at / blockBytes));
    if (within < number.length) number.copy(piece, 0, within);
    return piece;
  }

  /** All of a short body. */
  whole(length: number): Buffer {
    const pieces: Buffer[] = [];
    for (let at = 0; at < length; at += (pieces.at(-1) as Buffer).length) pieces.push(this.piece(at, length - at));
    return Buffer.concat(pieces);
  }

  /** Throws unless these are the bytes at that position. */
  check(at: number, chunk: Buffer): void {
    for (let done = 0; done < chunk.length; ) {
      const piece = this.piece(at + done, chunk.length - done);
      if (!piece.equals(chunk.subarray(done, done + piece.length))) {
        throw new Error(`a byte from ${at + done} on is wrong`);
      }
      done += piece.length;
    }
  }
}
