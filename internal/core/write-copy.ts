import type { Writable } from 'node:stream';
import { SpareBuffers } from './spare-buffers.ts';
import { copyToKeep, memoryToKeep } from './young-garbage.ts';

/** Shorter ones are cheaper to allocate. */
const longBytes = 4_096;
/** Of two lengths: what a socket has not taken keeps the whole of its copy. */
const shortCopies = new SpareBuffers(16_384, 64);
const longCopies = new SpareBuffers(65_536, 32);

/** Whether a socket has something to send that it was asked not to add to. */
export function isBehind({ writableNeedDrain, writableLength }: Writable): boolean {
  // What the system has taken at once is forgotten one tick later.
  return writableNeedDrain && writableLength > 0;
}

/** Writes bytes whose buffer may be used again afterwards. Gives what `write` does. */
export function writeCopy(socket: Writable, bytes: Buffer): boolean {
  const copies = bytes.length <= shortCopies.byteCount ? shortCopies : longCopies;
  // What has to wait must not keep a larger buffer than it needs.
  if (bytes.length < longBytes || bytes.length > copies.byteCount || isBehind(socket)) {
    return socket.write(copyToKeep(bytes));
  }
  const copy = copies.take().subarray(0, bytes.length);
  bytes.copy(copy);
  return socket.write(copy, () => copies.give(copy));
}

/** Memory for what is to wait. Whoever has it last may give it back, so that it is used again. */
export function spareMemory(byteCount: number): Buffer {
  if (byteCount < longBytes || byteCount > longCopies.byteCount) return memoryToKeep(byteCount);
  return longCopies.take().subarray(0, byteCount);
}

/** A copy of bytes that are to wait, in such memory. */
export function spareCopy(bytes: Buffer): Buffer {
  const copy = spareMemory(bytes.length);
  bytes.copy(copy);
  return copy;
}

/** Takes back what {@link spareMemory} gave, once. Anything else is passed over. */
export function giveBack(bytes: Buffer): void {
  longCopies.give(bytes);
}
