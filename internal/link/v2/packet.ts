import { spareMemory } from '#internal/core/write-copy';
import { countGarbage } from '#internal/core/young-garbage';

/** Bytes in front of a packet, in its memory, for the header of the frame that carries it: no header is longer (RFC 6455 §5.2). */
export const headroomBytes = 14;

declare const hasHeadroom: unique symbol;

/** A packet with {@link headroomBytes} in front of it, which a link may write to: so a packet and its frame are one buffer. */
export type Packet = Buffer & { readonly [hasHeadroom]: true };

/** Memory for a packet of this length. */
export function allocatePacket(byteCount: number): Packet {
  return packetIn(Buffer.allocUnsafe(headroomBytes + byteCount), byteCount);
}

/** A packet of this length in memory that is {@link headroomBytes} longer, at least. */
export function packetIn(memory: Buffer, byteCount: number): Packet {
  return memory.subarray(headroomBytes, headroomBytes + byteCount) as Packet;
}

/** A packet with these bytes, whose buffer may be used again. */
export function packetOf(bytes: Buffer): Packet {
  countGarbage(bytes.length);
  const packet = allocatePacket(bytes.length);
  bytes.copy(packet);
  return packet;
}

/** The same in memory that is used again once it is given back. */
export function sparePacketOf(bytes: Buffer): Packet {
  const packet = packetIn(spareMemory(headroomBytes + bytes.length), bytes.length);
  bytes.copy(packet);
  return packet;
}
