import type { NodeId } from './bus.ts';

/**
 * What one publish carries from one node to another: sender (8 bytes), number of the publish (f64), the receiver's own
 * clock as the sender last heard of it (f64, milliseconds), then each message behind its length (u32).
 */
export interface Envelope {
  readonly from: NodeId;
  /** Counts the publishes of this sender to this receiver. */
  readonly number: number;
  /** How late it was at the receiver when the sender last heard from it. */
  readonly stamp: number;
  readonly messages: readonly Buffer[];
}

const headLength = 24;
const lengthLength = 4;

/** What stands before the messages. */
export function encodeEnvelopeHead({ from, number, stamp }: Omit<Envelope, 'messages'>): Buffer {
  const head = Buffer.allocUnsafe(headLength);
  head.write(from, 0, 'hex');
  head.writeDoubleBE(number, 8);
  head.writeDoubleBE(stamp, 16);
  return head;
}

/** Messages that are to go in one envelope. */
export class PendingMessages {
  /** What follows the head: a long piece of a message is not copied. */
  readonly pieces: Buffer[] = [];
  count = 0;
  byteCount = 0;

  /** Adds a message, and gives how many bytes it takes. */
  add(message: readonly Buffer[]): number {
    const length = message.reduce((sum, piece) => sum + piece.length, 0);
    const before = Buffer.allocUnsafe(lengthLength);
    before.writeUInt32BE(length);
    this.pieces.push(before, ...message);
    this.count += 1;
    this.byteCount += lengthLength + length;
    return lengthLength + length;
  }
}

/** The messages are slices of `bytes`. Throws an Error that says what is wrong. */
export function decodeEnvelope(bytes: Buffer): Envelope {
  if (bytes.length < headLength) throw new Error('an envelope is shorter than its head');
  const messages: Buffer[] = [];
  let at = headLength;
  while (at < bytes.length) {
    const start = at + lengthLength;
    const end = start <= bytes.length ? start + bytes.readUInt32BE(at) : Number.POSITIVE_INFINITY;
    if (end > bytes.length) throw new Error('a message is longer than its envelope');
    messages.push(bytes.subarray(start, end));
    at = end;
  }
  const from = bytes.toString('hex', 0, 8);
  return { from, number: bytes.readDoubleBE(8), stamp: bytes.readDoubleBE(16), messages };
}

/** What a node tells all others: that it is there, or that it leaves. */
export interface Beat {
  readonly kind: 'here' | 'goodbye';
  readonly node: NodeId;
  /** Its own clock, in milliseconds. */
  readonly stamp: number;
}

/** Kind (1 byte), node (8 bytes), stamp (f64). */
export function encodeBeat({ kind, node, stamp }: Beat): Buffer {
  const beat = Buffer.alloc(17);
  beat[0] = kind === 'here' ? 1 : 2;
  beat.write(node, 1, 'hex');
  beat.writeDoubleBE(stamp, 9);
  return beat;
}

/** Throws an Error that says what is wrong. */
export function decodeBeat(bytes: Buffer): Beat {
  if (bytes.length !== 17 || (bytes[0] !== 1 && bytes[0] !== 2)) throw new Error('a heartbeat of an unknown kind');
  return {
    kind: bytes[0] === 1 ? 'here' : 'goodbye',
    node: bytes.toString('hex', 1, 9),
    stamp: bytes.readDoubleBE(9),
  };
}
