import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as passed } from 'node:timers/promises';
import { systemClock } from '#internal/core/clock';
import type { AditError } from '#internal/core/errors';
import { startRedis } from '../support/redis.ts';
import { RedisHub, twoHubs } from '../support/redis-hub.ts';
import { Relay } from '../support/relay.ts';
import { assertWithin } from '../support/within.ts';

test('Redis killed: cut off at once; restarted empty: hubs reach each other and find all sessions within 2 s', async (t) => {
  const server = await startRedis(t);
  const [one, two] = await twoHubs(t, server.url);
  const [record, other] = [one.newRecord(), two.newRecord()];
  await one.directory.claim(record, record.clientIds);
  await two.directory.claim(other, other.clientIds);
  await server.stop();
  // What a hub holds itself it knows still.
  assert.deepEqual(one.directory.find(record.clientIds[0] as string), record);
  const asked = performance.now();
  await assert.rejects(
    async () => await one.directory.find('of another'),
    (error) => (error as AditError).code === 'ADIT_HUB_BUSY',
  );
  assertWithin(performance.now() - asked, 1_000);
  assert.equal(one.bus.health.isUp, false);
  assert.match(one.bus.health.reason, /^redis 127\.0\.0\.1:\d+ cannot be reached: /);
  one.send(two, 'of the dark time');
  await passed(1_000);
  await server.start();
  assertWithin(await one.untilItReaches(two), 2_000);
  assertWithin(await two.untilItFinds(record), 2_000);
  assertWithin(await one.untilItFinds(other), 2_000);
  assert.ok(!two.texts.includes('of the dark time'));
  assert.deepEqual([one.gone, two.gone], [[], []]);
});

test('a claim of the time when Redis had lost everything is not undone by the hub that puts its own back', async (t) => {
  const server = await startRedis(t);
  const [one, two] = await twoHubs(t, server.url);
  const first = one.newRecord();
  const second = { ...two.newRecord(), clientIds: first.clientIds };
  await one.directory.claim(first, first.clientIds);
  // Nobody is told: as if the other hub had been first after a restart.
  const [clientId = ''] = first.clientIds;
  await server.command('SET', `adit:session:${second.session}`, JSON.stringify(second));
  await server.command('SET', `adit:tunnel:${clientId}`, `${second.session} ${Date.now() + 1_000}`);
  await server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await one.until(() => one.lost.length > 0);
  assert.deepEqual(one.lost, [{ previous: first, clientId }]);
  assert.deepEqual(await one.directory.find(clientId), second);
});

test('Redis stopped for 3 s: what was sent meanwhile arrives late, whole and in order, and nobody is gone', async (t) => {
  const server = await startRedis(t);
  const [one, two] = await twoHubs(t, server.url);
  server.pause();
  const sent = Array.from({ length: 30 }, (_, i) => `late ${i}`);
  for (const text of sent) {
    one.send(two, text);
    await passed(100);
  }
  assert.equal(one.bus.health.isUp, false);
  server.resume();
  await two.until(() => two.texts.includes(sent.at(-1) as string));
  assert.deepEqual(
    two.texts.filter((text) => text.startsWith('late')),
    sent,
  );
  assert.deepEqual([one.gone, two.gone], [[], []]);
});

test('Redis stopped for longer than 5 s: nothing of that time is delivered after it', async (t) => {
  const server = await startRedis(t);
  const [one, two] = await twoHubs(t, server.url);
  server.pause();
  for (let i = 0; i < 60; i += 1) {
    one.send(two, 'stale');
    await passed(100);
  }
  one.connection.onConnected(() => {
    if (one.bus.isConnected) one.send(two, 'before anything was heard');
  });
  const heardCount = one.heard.length;
  server.resume();
  assertWithin(await one.until(() => one.heard.length > heardCount), 1_000);
  assertWithin(await two.until(() => two.texts.includes('before anything was heard')), 1_000);
  assert.ok(!two.texts.includes('stale'));
  assert.deepEqual([one.gone, two.gone], [[], []]);
});

test('a hub that was stopped itself delivers nothing that is older than 5 s', async (t) => {
  const server = await startRedis(t);
  let skippedMs = 0;
  const one = await RedisHub.start(t, server.url);
  const two = await RedisHub.start(t, server.url, { ...systemClock, now: () => systemClock.now() + skippedMs });
  await one.untilItReaches(two);
  await one.until(() => one.bus.stats.lagMs > 0);
  skippedMs = 5_500;
  one.send(two, 'stale');
  await passed(0);
  await one.untilItReaches(two);
  assert.ok(two.bus.stats.stale > 0);
  assert.ok(!two.texts.includes('stale'));
});

test('a Redis that answers so late that nothing sent is delivered is the reason why a hub is not ready', async (t) => {
  const server = await startRedis(t);
  const way = await Relay.start(t, [server.port]);
  const { bus } = await RedisHub.start(t, `redis://127.0.0.1:${way.port}`);
  assert.deepEqual(bus.health, { isUp: true, reason: '' });
  way.slowTo(1_200);
  while (bus.stats.lagMs < 2_400) await passed(50);
  assert.match(bus.health.reason, /^redis \S+ takes 2\.\d s to bring back what is published: /);
  assert.deepEqual([bus.health.isUp, bus.isConnected], [false, false]);
  way.slowTo(0);
  while (!bus.health.isUp) await passed(50);
  assert.ok(bus.isConnected);
});

test('CLIENT KILL of every subscriber: all hear again within 1 s, and nobody is gone', async (t) => {
  const server = await startRedis(t);
  const [one, two] = await twoHubs(t, server.url);
  await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
  assertWithin(await one.untilItReaches(two), 1_000);
  assertWithin(await two.untilItReaches(one), 1_000);
  await passed(4_000);
  assert.deepEqual([one.gone, two.gone], [[], []]);
  assert.ok(one.bus.stats.reconnects > 0);
});

test('a hub that dies without a goodbye is gone within 2 s for who sends to it, and within 4 s for all', async (t) => {
  const server = await startRedis(t);
  const [one, two] = await twoHubs(t, server.url);
  const dies = await RedisHub.start(t, server.url);
  await one.untilItReaches(dies);
  await two.untilItReaches(dies);
  await dies.connection.close();
  one.send(dies, 'lost');
  const [sender, other] = await Promise.all([
    one.until(() => one.gone.includes(dies.node)),
    two.until(() => two.gone.includes(dies.node)),
  ]);
  assertWithin(sender, 2_000);
  assertWithin(other, 4_000);
  assert.deepEqual([one.gone, two.gone], [[dies.node], [dies.node]]);
});

test('while much waits for Redis the bus is not writable, and says when it is again', async (t) => {
  const server = await startRedis(t);
  const [one, two] = await twoHubs(t, server.url);
  server.pause();
  for (let i = 0; i < 9; i += 1) one.bus.publish(two.node, Buffer.alloc(1_048_576));
  assert.equal(one.bus.isWritable, false);
  server.resume();
  await one.until(() => one.writableCount === 1);
  assert.equal(one.bus.isWritable, true);
});

test('what Redis does not take is kept up to 256 MiB, and the rest is lost', async (t) => {
  // The hub that listens is in this process as well, and would be cut off for reading too late.
  const server = await startRedis(t, ['--client-output-buffer-limit', 'pubsub', '0', '0', '0']);
  const [one, two] = await twoHubs(t, server.url);
  server.pause();
  const message = Buffer.alloc(1_048_576);
  for (let i = 0; i < 300; i += 1) one.bus.publish(two.node, message);
  assert.equal(one.bus.stats.dropped, 300 - 256);
  server.resume();
  await one.until(() => one.writableCount === 1);
  one.send(two, 'after');
  await two.until(() => two.texts.includes('after'));
});

test('what waits for nodes that nobody has heard is 4 MiB at most for all of them', async (t) => {
  const server = await startRedis(t);
  const hub = await RedisHub.start(t, server.url);
  const nodes = Array.from({ length: 256 }, () => randomBytes(8).toString('hex'));
  for (const node of nodes) hub.bus.publish(node, Buffer.alloc(65_000));
  await new Promise(setImmediate);
  const waitingBytes = (nodes.length - hub.bus.stats.dropped) * 65_000;
  assert.ok(waitingBytes > 4_000_000 && waitingBytes <= 4 * 1_048_576, `${waitingBytes}`);
  assert.ok(hub.bus.isWritable);
  await hub.until(() => hub.gone.length === nodes.length);
  assert.equal(hub.bus.stats.dropped, nodes.length);
});
