import { FramedReader, type FrameHeader, type Framing } from '#internal/core/framed-reader';
import { SpareBuffers } from '#internal/core/spare-buffers';
import { limits } from '#messages/limits';

/** The first byte of a whole message: FIN, no extension, and the opcode (RFC 6455 §5.2). */
export const wholeBinary = 0x82;
/** Control frames are whole and short. */
const firstControl = 0x88;
const close = 0x88;
const controlBytes = 125;
export const maskLength = 4;

/** Where packets are put together whose parts come in several reads. */
const joined = new SpareBuffers(65_536, 8);

/** Who takes what is read. Buffers may be used again afterwards. */
export interface PacketReaderHandler {
  /** The data of a whole binary message. */
  packet(packet: Buffer): void;
  /** Bytes that are left to the library: a control frame, or all that comes from a frame of another kind on. */
  other(bytes: Buffer): void;
}

interface PacketHeader extends FrameHeader {
  isPacket: boolean;
  /** Where the data begins. */
  start: number;
}

/**
 * Finds packets in what comes on a websocket, each one binary message in one frame, as every peer of ours sends them. The
 * library is for the rest, also to refuse what is wrong.
 */
export class PacketReader implements Framing<PacketHeader> {
  readonly #isMasked: boolean;
  readonly #handler: PacketReaderHandler;
  readonly #reader = new FramedReader(this, joined);

  /** `isMasked`: whether the peer is a client. */
  constructor({ isMasked }: { isMasked: boolean }, handler: PacketReaderHandler) {
    this.#isMasked = isMasked;
    this.#handler = handler;
  }

  /** Reads no more. */
  stop(): void {
    this.#reader.stop();
  }

  push(chunk: Buffer): void {
    this.#reader.push(chunk);
  }

  // Framing.

  headerAt(bytes: Buffer, at: number): PacketHeader | undefined | 'foreign' {
    if (bytes.length - at < 2) return undefined;
    const first = bytes[at] as number;
    const second = bytes[at + 1] as number;
    const isPacket = first === wholeBinary;
    const isControl = (first & 0xf8) === firstControl && (second & 0x7f) <= controlBytes;
    if (!(isPacket || isControl) || second >= 0x80 !== this.#isMasked) return 'foreign';
    const short = second & 0x7f;
    const lengthAt = at + 2;
    const maskAt = lengthAt + (short === 126 ? 2 : short === 127 ? 8 : 0);
    const start = maskAt + (this.#isMasked ? maskLength : 0);
    if (start > bytes.length) return undefined;
    let length = short;
    if (short === 126) length = bytes.readUInt16BE(lengthAt);
    else if (short === 127) length = bytes.readUInt32BE(lengthAt) * 2 ** 32 + bytes.readUInt32BE(lengthAt + 4);
    return length > limits.v2Packet ? 'foreign' : { isPacket, start, end: start + length };
  }

  frame(bytes: Buffer, at: number, { isPacket, start, end }: PacketHeader): void {
    if (!isPacket) {
      // Behind a close frame nothing is read.
      if (bytes[at] === close) this.stop();
      this.#handler.other(bytes.subarray(at, end));
      return;
    }
    if (this.#isMasked) unmask(bytes, start, end);
    this.#handler.packet(bytes.subarray(start, end));
  }

  foreign(bytes: Buffer): void {
    this.#handler.other(bytes);
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
