import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Bytes that pass between two collections: few enough that the buffers are still in the processor's cache, and that a heap
 * which was just made small has room for them. More where much is held, since a collection then takes longer.
 */
const leastPeriodBytes = 2 * 1_048_576;
const mostPeriodBytes = 8 * 1_048_576;
const periodBytesPerMs = 4 * 1_048_576;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options: { type: 'minor' }) => void;

let byteCount = 0;
let periodBytes = leastPeriodBytes;

/** From here on a copy has memory of its own. Node may give a shorter one a part of what others keep as well. */
const ownBytes = 4_096;

/** Memory for what is to wait, which is garbage once that has gone. */
export function memoryToKeep(byteCount: number): Buffer {
  countGarbage(byteCount);
  return byteCount < ownBytes ? Buffer.allocUnsafe(byteCount) : Buffer.allocUnsafeSlow(byteCount);
}

/** A copy of bytes that are to wait, in such memory. */
export function copyToKeep(bytes: Buffer): Buffer {
  const copy = memoryToKeep(bytes.length);
  bytes.copy(copy);
  return copy;
}

/**
 * Counts buffers that were made for what passes, and every few megabytes throws those away that nobody needs any longer: Node
 * makes one for each read of a stream. The engine counts them, yet looks only at the small objects that hold them when it
 * decides what to collect: so it goes through all of the heap, again and again, while a look at the young ones takes a
 * fraction of a millisecond.
 */
export function countGarbage(bytes: number): void {
  byteCount += bytes;
  if (byteCount < periodBytes) return;
  byteCount = 0;
  const startedAt = performance.now();
  collect({ type: 'minor' });
  const wanted = (performance.now() - startedAt) * periodBytesPerMs;
  periodBytes = Math.min(Math.max(wanted, leastPeriodBytes), mostPeriodBytes);
}
