import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import type { BusHandler } from '#internal/bus/bus';
import { RedisBus } from '#internal/bus/redis';
import { systemClock } from '#internal/core/clock';
import { startRedis } from '../support/redis.ts';
import { connectTo } from '../support/redis-connection.ts';

const mebibyte = 1_048_576;
const piece = Buffer.alloc(65_536);

async function startBus(t: TestContext, url: string, handler: Partial<BusHandler>) {
  const onError = (thrown: unknown): void => assert.fail(String(thrown));
  const id = randomBytes(8).toString('hex');
  const bus = new RedisBus(id, { clock: systemClock, connection: await connectTo(t, url), onError });
  const ignore = (): void => undefined;
  t.after(() => bus.close());
  await bus.start({ message: ignore, gone: ignore, heard: ignore, writable: ignore, ...handler });
  return { id, bus };
}

test('what Redis does not take is kept up to 64 MiB, and the rest is lost', async (t) => {
  // The receiver is this process as well, and would be cut off for reading too late.
  const redis = await startRedis(t, ['--client-output-buffer-limit', 'pubsub', '0', '0', '0']);
  let resolveFirst = (): void => undefined;
  let resolveLast = (): void => undefined;
  let resolveWritable = (): void => undefined;
  const first = new Promise<void>((resolve) => {
    resolveFirst = resolve;
  });
  const last = new Promise<void>((resolve) => {
    resolveLast = resolve;
  });
  const writable = new Promise<void>((resolve) => {
    resolveWritable = resolve;
  });
  const receiver = await startBus(t, redis.url, {
    message: (_from, message) => {
      if (message.length === piece.length) return;
      if (message.toString() === 'first') resolveFirst();
      else resolveLast();
    },
  });
  const { bus } = await startBus(t, redis.url, { writable: resolveWritable });
  bus.publish(receiver.id, Buffer.from('first'));
  await first;

  redis.pause();
  t.after(() => redis.resume());
  for (let i = 0; i < (100 * mebibyte) / piece.length; i += 1) bus.publish(receiver.id, piece);
  assert.ok(!bus.isWritable);
  const droppedBytes = bus.stats.dropped * piece.length;
  assert.ok(droppedBytes > 35 * mebibyte && droppedBytes <= 36 * mebibyte, `${droppedBytes}`);

  redis.resume();
  await writable;
  bus.publish(receiver.id, Buffer.from('last'));
  await last;
});

test('what waits for nodes that nobody has heard is 4 MiB at most for all of them', async (t) => {
  const redis = await startRedis(t);
  const nodes = Array.from({ length: 256 }, () => randomBytes(8).toString('hex'));
  let goneCount = 0;
  let resolveGone = (): void => undefined;
  const allGone = new Promise<void>((resolve) => {
    resolveGone = resolve;
  });
  const { bus } = await startBus(t, redis.url, {
    gone: () => {
      goneCount += 1;
      if (goneCount === nodes.length) resolveGone();
    },
  });
  for (const node of nodes) bus.publish(node, piece);
  await new Promise((resolve) => setImmediate(resolve));
  const waitingBytes = (nodes.length - bus.stats.dropped) * piece.length;
  assert.ok(waitingBytes > 3 * mebibyte && waitingBytes <= 4 * mebibyte, `${waitingBytes}`);
  await allGone;
  assert.equal(bus.stats.dropped, nodes.length);
});
