import { SpareBuffers } from '#internal/core/spare-buffers';
import { limits } from '#messages/limits';

/** The first byte of a whole message: FIN, no extension, and the opcode (RFC 6455 §5.2). */
const wholeBinary = 0x82;
/** Control frames are whole and short. */
const firstControl = 0x88;
const close = 0x88;
const controlBytes = 125;
const maskLength = 4;

/** Where frames are put together whose parts come in several reads. Short ones are cheaper to allocate. */
const joinedBytes = 65_536;
const joined = new SpareBuffers(joinedBytes, 8);
const leastHeldBytes = 4_096;
const growth = 4;

/** Who takes what is read. Buffers may be used again afterwards. */
export interface PacketReaderHandler {
  /** The data of a whole binary message. */
  packet(packet: Buffer): void;
  /** Bytes that are left to the library: a control frame, or all that comes from a frame of another kind on. */
  other(bytes: Buffer): void;
}

interface FrameHeader {
  isPacket: boolean;
  /** Where the data begins and ends. */
  start: number;
  end: number;
}

/**
 * Finds packets in what comes on a websocket, each one binary message in one frame, as every peer of ours sends them: where
 * they were read, and without a copy of those that came whole. The library is for the rest, also to refuse what is wrong.
 */
export class PacketReader {
  readonly #isMasked: boolean;
  readonly #handler: PacketReaderHandler;
  /** The beginning of a frame whose end has not come, and how much of it there is. */
  #held: Buffer | undefined;
  #heldBytes = 0;
  /** Whether the library reads from here on. */
  #isLeft = false;
  /** Whether nothing is read any more: so it is behind a close frame. */
  #isOver = false;

  /** `isMasked`: whether the peer is a client. */
  constructor({ isMasked }: { isMasked: boolean }, handler: PacketReaderHandler) {
    this.#isMasked = isMasked;
    this.#handler = handler;
  }

  /** Reads no more. */
  stop(): void {
    this.#isOver = true;
  }

  push(chunk: Buffer): void {
    if (this.#isOver) return;
    let at = this.#held ? this.#complete(chunk) : 0;
    while (at < chunk.length && !this.#isLeft && !this.#isOver) {
      const header = this.#headerAt(chunk, at);
      if (this.#isLeft) break;
      if (!header || header.end > chunk.length) {
        this.#hold(chunk.subarray(at), header ? header.end - at : leastHeldBytes);
        return;
      }
      this.#take(chunk, at, header);
      at = header.end;
    }
    if (this.#isLeft && at < chunk.length) this.#handler.other(chunk.subarray(at));
  }

  /** The header of the frame that begins there; undefined when not all of it has come. A frame of another kind ends our reading. */
  #headerAt(bytes: Buffer, at: number): FrameHeader | undefined {
    if (bytes.length - at < 2) return undefined;
    const first = bytes[at] as number;
    const second = bytes[at + 1] as number;
    const isPacket = first === wholeBinary;
    const isControl = (first & 0xf8) === firstControl && (second & 0x7f) <= controlBytes;
    if (!(isPacket || isControl) || second >= 0x80 !== this.#isMasked) {
      this.#isLeft = true;
      return undefined;
    }
    const short = second & 0x7f;
    const lengthAt = at + 2;
    const maskAt = lengthAt + (short === 126 ? 2 : short === 127 ? 8 : 0);
    const start = maskAt + (this.#isMasked ? maskLength : 0);
    if (start > bytes.length) return undefined;
    let length = short;
    if (short === 126) length = bytes.readUInt16BE(lengthAt);
    else if (short === 127) length = bytes.readUInt32BE(lengthAt) * 2 ** 32 + bytes.readUInt32BE(lengthAt + 4);
    if (length > limits.v2Packet) {
      this.#isLeft = true;
      return undefined;
    }
    return { isPacket, start, end: start + length };
  }

  #take(bytes: Buffer, at: number, { isPacket, start, end }: FrameHeader): void {
    if (!isPacket) {
      this.#isOver ||= bytes[at] === close;
      this.#handler.other(bytes.subarray(at, end));
      return;
    }
    if (this.#isMasked) unmask(bytes, start, end);
    this.#handler.packet(bytes.subarray(start, end));
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
        this.#take(held, 0, header);
        joined.give(held);
      } else if (this.#isLeft) {
        this.#held = undefined;
        this.#handler.other(held);
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
      const wanted = Math.max(byteCount, Math.min(frameBytes, Math.max(leastHeldBytes, growth * byteCount)));
      this.#held = wanted > joinedBytes / growth && wanted <= joinedBytes ? joined.take() : Buffer.allocUnsafe(wanted);
      before?.copy(this.#held, 0, 0, this.#heldBytes);
      if (before) joined.give(before);
    }
    part.copy(this.#held as Buffer, this.#heldBytes);
    this.#heldBytes = byteCount;
  }
}

/** What is no longer has no words worth looking for. */
const shortBytes = 16;
/** A mask as it falls on a word, and that word. */
const turned = new Uint8Array(maskLength);
const turnedWord = new Uint32Array(turned.buffer);

/** Takes the mask before `start` off the bytes there, in place. */
function unmask(bytes: Buffer, start: number, end: number): void {
  const mask = bytes.subarray(start - maskLength, start);
  if (mask.readUInt32BE() === 0) return;
  if (end - start < shortBytes) {
    unmaskBytes(bytes, { from: start, to: end, start }, mask);
    return;
  }
  // Word by word, but for what is before the first one and behind the last one.
  const firstWord = start + (-(bytes.byteOffset + start) & 3);
  const wordCount = (end - firstWord) >> 2;
  const behind = firstWord + 4 * wordCount;
  unmaskBytes(bytes, { from: start, to: firstWord, start }, mask);
  for (let i = 0; i < maskLength; i += 1) turned[i] = mask[(firstWord - start + i) & 3] as number;
  const [word] = turnedWord as unknown as [number];
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + firstWord, wordCount);
  for (let i = 0; i < wordCount; i += 1) (words[i] as number) ^= word;
  unmaskBytes(bytes, { from: behind, to: end, start }, mask);
}

function unmaskBytes(bytes: Buffer, range: { from: number; to: number; start: number }, mask: Buffer): void {
  const { from, to, start } = range;
  for (let at = from; at < to; at += 1) (bytes[at] as number) ^= mask[(at - start) & 3] as number;
}
