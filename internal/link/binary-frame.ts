/** Up to here one buffer and one write cost less than two of both. */
const joinedBytes = 4_096;
/** A whole message of bytes. */
const finalBinary = 0x82;

/** How a websocket masks what it sends: not at all, or with 0. */
export type PlainMask = 'none' | 'zero';

/** A small message as one whole frame, or undefined when it is not small. */
export function joinedFrame(message: Buffer, mask: PlainMask): Buffer | undefined {
  const { length } = message;
  if (length > joinedBytes) return undefined;
  const lengthBytes = length < 126 ? 0 : 2;
  const headerBytes = 2 + lengthBytes + (mask === 'zero' ? 4 : 0);
  const frame = Buffer.allocUnsafe(headerBytes + length);
  frame[0] = finalBinary;
  frame[1] = (mask === 'zero' ? 0x80 : 0) | (lengthBytes === 0 ? length : 126);
  if (lengthBytes > 0) frame.writeUInt16BE(length, 2);
  if (mask === 'zero') frame.writeUInt32BE(0, 2 + lengthBytes);
  message.copy(frame, headerBytes);
  return frame;
}
