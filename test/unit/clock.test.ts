import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { systemClock } from '#internal/core/clock';

function passOneMs(): void {
  const end = performance.now() + 1;
  while (performance.now() < end);
}

test('time stands still within one callback of the event loop, and has gone on in the next one', async () => {
  const before = performance.now();
  await nextTurn();
  const first = systemClock.now();
  assert.ok(first >= before);
  passOneMs();
  assert.equal(systemClock.now(), first);
  await nextTurn();
  assert.ok(systemClock.now() >= first + 1);
});

test('what is done after the callback sees the time of then', async () => {
  await nextTurn();
  const first = systemClock.now();
  passOneMs();
  const [inTick, inReaction] = await Promise.all([
    new Promise<number>((resolve) => process.nextTick(() => resolve(systemClock.now()))),
    new Promise<void>((resolve) => setImmediate(resolve)).then(() => systemClock.now()),
  ]);
  assert.ok(inTick >= first);
  assert.ok(inReaction >= first + 1);
});
