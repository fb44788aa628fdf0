import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { TurnQueue } from '#internal/core/turn-queue';

test('what comes alone is done at once', async () => {
  const queue = new TurnQueue();
  const done: number[] = [];
  for (let i = 0; i < 3; i += 1) {
    queue.add(() => done.push(i));
    assert.equal(done.length, i + 1);
    await turn();
  }
});

test('of many, a few are done in each turn, in their order', async () => {
  const queue = new TurnQueue();
  const done: number[] = [];
  for (let i = 0; i < 100; i += 1) queue.add(() => done.push(i));
  const counts = [done.length];
  while (done.length < 100) {
    await turn();
    counts.push(done.length);
  }
  assert.deepEqual(
    done,
    Array.from({ length: 100 }, (_, i) => i),
  );
  assert.ok(counts.every((count, i) => count - (counts[i - 1] ?? 0) <= 32) && counts.length > 3, `${counts}`);
});

test('what is waited for comes behind what came before', async () => {
  const queue = new TurnQueue();
  let done = 0;
  for (let i = 0; i < 40; i += 1) {
    queue.add(() => {
      done += 1;
    });
  }
  await queue.wait();
  assert.equal(done, 40);
});
