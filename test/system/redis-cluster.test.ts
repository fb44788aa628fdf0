import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as passed } from 'node:timers/promises';
import { silentLog } from '#internal/core/log';
import { RedisDirectory } from '#internal/hub/directory/redis';
import { FakeClock } from '../support/fake-clock.ts';
import { type RedisServer, startRedisCluster } from '../support/redis.ts';
import { connectTo } from '../support/redis-connection.ts';
import { twoHubs } from '../support/redis-hub.ts';
import { assertWithin } from '../support/within.ts';

test('Redis Cluster: hubs are not ready while it is down for want of a node', async (t) => {
  const { url, servers } = await startRedisCluster(t);
  const [clock, connection] = [new FakeClock(), await connectTo(t, url)];
  const directory = new RedisDirectory('a hub', { clock, log: silentLog, connection, onLost: () => undefined });
  t.after(() => directory.close());
  const untilItSays = async (reason: RegExp): Promise<void> => {
    while (!reason.test(directory.health.reason)) {
      clock.advance(1_000);
      await passed(20);
    }
  };
  await untilItSays(/^$/);
  const [dies, other] = servers as [RedisServer, RedisServer];
  await dies.stop();
  await other.line(/Cluster state changed: fail/);
  await untilItSays(/refuses what hubs note there: CLUSTERDOWN/);
  await dies.start();
  await untilItSays(/^$/);
});

test('Redis Cluster: a node killed and restarted, and subscribers killed, are healed', async (t) => {
  const { url, servers } = await startRedisCluster(t);
  const [one, two] = await twoHubs(t, url);
  const records = Array.from({ length: 10 }, () => one.newRecord());
  for (const record of records) await one.directory.claim(record, record.clientIds);
  for (const server of servers) {
    await server.stop();
    await server.start();
    assertWithin(await one.untilItReaches(two), 3_000);
  }
  for (const server of servers) await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
  assertWithin(await one.untilItReaches(two), 1_000);
  for (const record of records) assertWithin(await two.untilItFinds(record), 3_000);
  assert.deepEqual([one.gone, two.gone], [[], []]);
});

test('Redis Cluster: a hub that gives up its connections while a node hangs is back once that goes on', async (t) => {
  const { url, servers } = await startRedisCluster(t);
  const [one, two] = await twoHubs(t, url);
  const slot = Number(await servers[0]?.command('CLUSTER', 'KEYSLOT', 'adit:hubs'));
  const hangs = servers[Math.floor((slot * servers.length) / 16_384)] as RedisServer;
  hangs.pause();
  t.after(() => hangs.resume());
  for (let i = 0; i < 2; i += 1) {
    one.connection.reset('it hangs');
    // Meanwhile it asks the others who serves what, and connects to that one to listen.
    await passed(2_500);
  }
  hangs.resume();
  assertWithin(await two.untilItReaches(one), 3_000);
  assertWithin(await one.untilItReaches(two), 1_000);
});

test('Redis Cluster: a node that is lost is a loss, since what it had may be missing when it is back', async (t) => {
  const { url, servers } = await startRedisCluster(t);
  const connection = await connectTo(t, url);
  for (let i = 0; i < 100; i += 1) await connection.get(`adit:${i}`);
  assert.equal(connection.lossCount, 0);
  await servers[0]?.stop();
  await passed(100);
  assert.ok(connection.lossCount > 0);
});
