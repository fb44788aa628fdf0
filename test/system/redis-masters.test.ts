import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as passed } from 'node:timers/promises';
import { freePort } from '../support/processes.ts';
import { startRedis, startRedisSentinel } from '../support/redis.ts';
import { RedisHub, twoHubs } from '../support/redis-hub.ts';
import { Relay } from '../support/relay.ts';
import { assertWithin } from '../support/within.ts';

test('a server that has become a replica is left for the master behind the same address, with all connections', async (t) => {
  const [server, next] = [await startRedis(t), await startRedis(t)];
  const relay = await Relay.start(t, [server.port]);
  const hub = await RedisHub.start(t, `redis://127.0.0.1:${relay.port}`);
  const record = hub.newRecord();
  await hub.directory.claim(record, record.clientIds);
  await server.command('REPLICAOF', '127.0.0.1', String(next.port));
  relay.targets = [next.port];
  const changes: boolean[] = [];
  hub.connection.onChange((isUp) => changes.push(isUp));
  await assert.rejects(hub.directory.claim(record, record.clientIds));
  assertWithin(await (await RedisHub.start(t, next.url)).untilItFinds(record), 2_000);
  assert.doesNotMatch(await server.command('CLIENT', 'LIST'), /name=adit/);
  assert.deepEqual(changes, []);
});

test('a replica that serves nothing before it has what its master has is left, too, and that is the reason given', async (t) => {
  const [server, next] = [await startRedis(t), await startRedis(t)];
  const relay = await Relay.start(t, [server.port]);
  const hub = await RedisHub.start(t, `redis://127.0.0.1:${relay.port}`);
  const record = hub.newRecord();
  await hub.directory.claim(record, record.clientIds);
  await server.command('CONFIG', 'SET', 'replica-serve-stale-data', 'no');
  await server.command('REPLICAOF', '127.0.0.1', String(await freePort()));
  const find = async () => await hub.directory.find('of another');
  await assert.rejects(find);
  while (!/MASTERDOWN/.test(hub.directory.health.reason)) await passed(10);
  relay.targets = [next.port];
  assertWithin(await (await RedisHub.start(t, next.url)).untilItFinds(record), 5_000);
});

test('a server that stays a replica is connected to once a second at most, and that is the reason given', async (t) => {
  const [server, master] = [await startRedis(t), await startRedis(t)];
  await server.command('REPLICAOF', '127.0.0.1', String(master.port));
  const relay = await Relay.start(t, [server.port]);
  const hub = await RedisHub.start(t, `redis://127.0.0.1:${relay.port}`);
  const record = hub.newRecord();
  await assert.rejects(hub.directory.claim(record, record.clientIds));
  const [countBefore, from] = [relay.connectionCount, performance.now()];
  while (performance.now() - from < 2_500) {
    await assert.rejects(hub.directory.claim(record, record.clientIds));
    assert.match(hub.directory.health.reason, /READONLY/);
    await passed(10);
  }
  const count = relay.connectionCount - countBefore;
  assert.ok(count >= 3 && count <= 9, `${count} connections`);
});

test('Sentinel: once it has made the replica master, hubs go on there within 10 s', async (t) => {
  const { url, master } = await startRedisSentinel(t);
  const [one, two] = await twoHubs(t, url);
  const record = one.newRecord();
  await one.directory.claim(record, record.clientIds);
  await master.stop();
  assertWithin(await one.untilItReaches(two), 10_000);
  assertWithin(await two.untilItFinds(record), 2_000);
  assert.deepEqual([one.gone, two.gone], [[], []]);
});
