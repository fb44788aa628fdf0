import type { SpareBuffers } from './spare-buffers.ts';

const leastHeldBytes = 4_096;
const growth = 4;
/** Shorter frames are put together in buffers of their own. */
const leastJoinedBytes = 16_384;

/** What was read of a frame. `end` is where it ends, as far as that is known. */
export interface FrameHeader {
  end: number;
}

/** What frames look like, and who takes them. */
export interface Framing<Header extends FrameHeader> {
  /** The header of the frame that begins there: undefined when not all of it has come, `foreign` when it is none of ours. */
  headerAt(bytes: Buffer, at: number): Header | undefined | 'foreign';
  /** A whole frame. Its buffer may be used again afterwards. */
  frame(bytes: Buffer, at: number, header: Header): void;
  /** All bytes from the first frame on that is none of ours. The buffer may be used again afterwards. */
  foreign(bytes: Buffer): void;
}

/** Finds frames in what is read: where it was read, and without a copy of those that came whole. */
export class FramedReader<Header extends FrameHeader> {
  readonly #framing: Framing<Header>;
  /** Where frames are put together whose parts come in several reads. Short ones are cheaper to allocate. */
  readonly #joined: SpareBuffers;
  /** The beginning of a frame whose end has not come, and how much of it there is. */
  #held: Buffer | undefined;
  #heldBytes = 0;
  #isForeign = false;
  #isStopped = false;

  constructor(framing: Framing<Header>, joined: SpareBuffers) {
    this.#framing = framing;
    this.#joined = joined;
  }

  /** Reads no more. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Takes bytes. */
  push(chunk: Buffer): void {
    if (this.#isStopped) return;
    let at = this.#held ? this.#complete(chunk) : 0;
    while (at < chunk.length && !this.#isForeign && !this.#isStopped) {
      const header = this.#headerAt(chunk, at);
      if (this.#isForeign) break;
      if (!header || header.end > chunk.length) {
        this.#hold(chunk.subarray(at), header ? header.end - at : leastHeldBytes);
        return;
      }
      this.#framing.frame(chunk, at, header);
      at = header.end;
    }
    if (this.#isForeign && at < chunk.length) this.#framing.foreign(chunk.subarray(at));
  }

  #headerAt(bytes: Buffer, at: number): Header | undefined {
    const header = this.#framing.headerAt(bytes, at);
    if (header !== 'foreign') return header;
    this.#isForeign = true;
    return undefined;
  }

  /** Goes on with the frame that is held. Gives how many bytes of the chunk were part of it. */
  #complete(chunk: Buffer): number {
    let at = 0;
    while (this.#held) {
      const held = this.#held.subarray(0, this.#heldBytes);
      const header = this.#headerAt(held, 0);
      if (header && header.end === held.length) {
        this.#held = undefined;
        this.#heldBytes = 0;
        this.#framing.frame(held, 0, header);
        this.#joined.give(held);
      } else if (this.#isForeign) {
        this.#held = undefined;
        this.#framing.foreign(held);
      } else {
        if (at === chunk.length) break;
        // One byte at a time until the header says how many there are.
        const wanted = header ? header.end - held.length : 1;
        const part = chunk.subarray(at, at + wanted);
        this.#hold(part, header?.end ?? leastHeldBytes);
        at += part.length;
      }
    }
    return at;
  }

  /** Adds to what is held of a frame of so many bytes. Room for all of it is made once a part has come. */
  #hold(part: Buffer, frameBytes: number): void {
    const byteCount = this.#heldBytes + part.length;
    const before = this.#held;
    if (!before || before.length < byteCount) {
      const joined = this.#joined;
      const wanted = Math.max(byteCount, Math.min(frameBytes, Math.max(leastHeldBytes, growth * byteCount)));
      const isLong = wanted > leastJoinedBytes && wanted <= joined.byteCount;
      this.#held = isLong ? joined.take() : Buffer.allocUnsafe(wanted);
      before?.copy(this.#held, 0, 0, this.#heldBytes);
      if (before) joined.give(before);
    }
    part.copy(this.#held as Buffer, this.#heldBytes);
    this.#heldBytes = byteCount;
  }
}
