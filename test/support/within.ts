import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';

/** What something gives. Rejects as soon as that takes longer. */
export async function within<T>(ms: number, something: Promise<T>): Promise<T> {
  const late = setTimeout(ms, undefined, { ref: false }).then(() => {
    throw new Error(`it took more than ${ms} ms`);
  });
  return await Promise.race([something, late]);
}

export function assertWithin(ms: number, limitMs: number): void {
  assert.ok(ms <= limitMs, `it took ${Math.round(ms)} ms`);
}
