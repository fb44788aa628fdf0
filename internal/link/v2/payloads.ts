import { AditError, isVisitorErrorCode } from '#internal/core/errors';
import { limits } from '#messages/limits';
import { frameHeaderBytes, frameTypes, openHeaderBytes, packetKinds, streamKinds, V2Error } from '#messages/v2';
import { allocatePacket, type Packet } from './packet.ts';

/** Writes a frame's header, and gives where its payload begins. */
export function writeFrameHeader(target: Buffer, offset: number, type: number, id: number, length: number): number {
  target[offset] = type;
  target.writeUInt32BE(id, offset + 1);
  target.writeUIntBE(length, offset + 5, 3);
  return offset + frameHeaderBytes;
}

/** Writes what stands before the head in an `open` frame, and gives where that begins. */
export function writeOpenHeader(target: Buffer, offset: number, tunnel: number, msLeft: number): number {
  target.writeUInt16BE(tunnel, offset);
  target[offset + 2] = streamKinds.http;
  writeMsLeft(target, offset, msLeft);
  return offset + openHeaderBytes;
}

function writeMsLeft(target: Buffer, offset: number, msLeft: number): void {
  target.writeUInt32BE(Math.min(Math.max(0, Math.ceil(msLeft)), 0xffff_ffff), offset + 3);
}

/** The frames of a batch, which was made here: type, stream, and where the payload begins. */
function* framesOf(batch: Buffer): Generator<{ type: number; id: number; at: number }> {
  for (let at = 0; at < batch.length; ) {
    yield { type: batch[at] as number, id: batch.readUInt32BE(at + 1), at: at + frameHeaderBytes };
    at += frameHeaderBytes + batch.readUIntBE(at + 5, 3);
  }
}

/** Takes time off what is left for all that a batch opens. */
export function ageOpens(batch: Buffer, ms: number): void {
  for (const { type, at } of framesOf(batch)) {
    if (type === frameTypes.open) writeMsLeft(batch, at, batch.readUInt32BE(at + 3) - ms);
  }
}

/** Leaves no time to what a batch opens, and gives the streams. */
export function expireOpens(batch: Buffer): number[] {
  ageOpens(batch, Number.POSITIVE_INFINITY);
  return [...framesOf(batch)].filter(({ type }) => type === frameTypes.open).map(({ id }) => id);
}

/** Throws {@link V2Error} when a payload can't be a head or trailers. */
export function checkHeadLength(length: number): void {
  if (length > limits.v2Head) throw new V2Error(`a head of ${length} bytes is too long`);
}

/** The payload of a `credit` frame. */
export function encodeLimit(limit: number): Buffer {
  const payload = Buffer.allocUnsafe(6);
  payload.writeUIntBE(limit, 0, 6);
  return payload;
}

/** Throws {@link V2Error}. */
export function decodeLimit(payload: Buffer): number {
  if (payload.length !== 6) throw new V2Error('a credit frame has no limit');
  return payload.readUIntBE(0, 6);
}

/** The hub whose lane a packet is of: 16 hexadecimal digits. The packet must have a batch's header, or be `gone`. */
export function nodeOf(packet: Buffer): string {
  return packet.toString('hex', 1, 9);
}

/** Whether a packet is of the lane of this hub, whose name is given as its 8 bytes: cheaper than the name itself. */
export function isOfNode(packet: Buffer, name: Buffer): boolean {
  return packet.readUInt32BE(1) === name.readUInt32BE(0) && packet.readUInt32BE(5) === name.readUInt32BE(4);
}

/** The epoch in a batch's header, which must be there. */
export function epochOf(packet: Buffer): number {
  return packet.readUInt32BE(9);
}

/** The position that the sender expects next, from a batch's header, which must be there. */
export function acknowledgedOf(packet: Buffer): number {
  return packet.readUIntBE(19, 6);
}

const goneBytes = 15;

/**
 * Tells an agent that nobody at the hub `node` knows of the lane that there was. With a position, another one begins
 * there in both directions.
 */
export function encodeGone(node: string, start = 0): Packet {
  const packet = allocatePacket(goneBytes);
  packet[0] = packetKinds.gone;
  packet.write(node, 1, 'hex');
  packet.writeUIntBE(start, 9, 6);
  return packet;
}

/** Throws {@link V2Error}. */
export function decodeGone(packet: Buffer): { node: string; start: number } {
  if (packet.length !== goneBytes) throw new V2Error('a gone packet is not as long as one');
  return { node: nodeOf(packet), start: packet.readUIntBE(9, 6) };
}

const messageLength = 1_024;

/** The payload of a `reset` frame: the code, a line feed, and the message. */
export function encodeReason({ code, message }: AditError): Buffer {
  return Buffer.from(`${code}\n${message.slice(0, messageLength)}`);
}

/** Codes that are not in our vocabulary come from a newer peer, or a hostile one. */
export function decodeReason(payload: Buffer): AditError {
  const [code = '', ...lines] = payload.toString('utf8').split('\n');
  const message = lines.join('\n').slice(0, 2 * messageLength);
  if (isVisitorErrorCode(code) || code === 'ADIT_VISITOR_GONE') return new AditError(code, message);
  return new AditError('ADIT_AGENT_BAD_ANSWER', message || 'the tunnel broke off without a reason');
}
