import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as passed } from 'node:timers/promises';
import { systemClock } from '#internal/core/clock';
import type { AditError } from '#internal/core/errors';
import { silentLog } from '#internal/core/log';
import type { SessionRecord } from '#internal/hub/directory/directory';
import { RedisDirectory } from '#internal/hub/directory/redis';
import { makeCertificates } from '../support/certificate.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { freePort, temporaryFolder } from '../support/processes.ts';
import {
  type RedisServer,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
  startTlsRedis,
} from '../support/redis.ts';
import { connectTo } from '../support/redis-connection.ts';
import { RedisHub, twoHubs } from '../support/redis-hub.ts';
import { Relay } from '../support/relay.ts';

function recordOf({ node }: RedisHub): SessionRecord {
  return { session: randomUUID(), node, epoch: 1, wire: 'v2', keyId: 'key', maxStreams: 9, clientIds: [randomUUID()] };
}

/** Asks until the answer is there, and gives how many milliseconds that took. */
async function untilFound(hub: RedisHub, { clientIds, session }: SessionRecord): Promise<number> {
  const from = performance.now();
  for (;;) {
    const found = await Promise.resolve(hub.directory.find(clientIds[0] as string)).catch(() => undefined);
    if (found?.session === session) return performance.now() - from;
    await passed(5);
  }
}

function assertWithin(ms: number, limitMs: number): void {
  assert.ok(ms <= limitMs, `it took ${Math.round(ms)} ms`);
}

test('Redis killed: cut off at once; restarted empty: hubs reach each other and find all sessions within 2 s', async (t) => {
  const server = await startRedis(t);
  const [one, two] = await twoHubs(t, server.url);
  const [record, other] = [recordOf(one), recordOf(two)];
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
  assertWithin(await untilFound(two, record), 2_000);
  assertWithin(await untilFound(one, other), 2_000);
  assert.ok(!two.texts.includes('of the dark time'));
  assert.deepEqual([one.gone, two.gone], [[], []]);
});

test('a claim of the time when Redis had lost everything is not undone by the hub that puts its own back', async (t) => {
  const server = await startRedis(t);
  const [one, two] = await twoHubs(t, server.url);
  const first = recordOf(one);
  const second = { ...recordOf(two), clientIds: first.clientIds };
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

for (const [right, rights] of [
  ['listen', ['&adit:*', '+@all', '-subscribe']],
  ['listen to ours', ['&others:*', '+@all']],
  ['publish', ['&adit:*', '+@all', '-publish']],
] as const) {
  test(`a Redis user without the right to ${right} leaves the bus down, and that is the reason given`, async (t) => {
    const server = await startRedis(t);
    await server.command('ACL', 'SETUSER', 'hub', 'on', '>secret', '~adit:*', ...rights);
    const { bus } = await RedisHub.start(t, server.url.replace('://', '://hub:secret@'));
    assert.deepEqual([bus.health.isUp, bus.isConnected], [false, false]);
    assert.match(bus.health.reason, /^redis \S+ does not bring back what is published: NOPERM /);
    assert.doesNotMatch(bus.health.reason, /secret/);
  });
}

test('a database that Redis does not have is named, and the first one is not used instead', async (t) => {
  const server = await startRedis(t);
  const hub = await RedisHub.start(t, `${server.url}/99`);
  assert.match(hub.directory.health.reason, /^redis \S+ cannot be reached: ERR DB index is out of range/);
  const record = recordOf(hub);
  await assert.rejects(hub.directory.claim(record, record.clientIds));
  assert.equal(await server.command('DBSIZE'), '0');
});

test('a URL of another kind of Redis than there is says so', async (t) => {
  const [plain, secure] = [await startRedis(t), await startTlsRedis(t, makeCertificates(temporaryFolder(t)))];
  const reasonOf = async (url: string): Promise<string> => {
    const hub = await RedisHub.start(t, url);
    while (hub.connection.lastError === 'not connected yet') await passed(50);
    return hub.directory.health.reason;
  };
  assert.match(
    await reasonOf(plain.url.replace('redis:', 'rediss:')),
    /\(rediss:\/\/ is for a server that speaks TLS\)$/,
  );
  assert.match(
    await reasonOf(secure.url.replace('rediss:', 'redis:')),
    /\(if it speaks TLS, its URL begins with rediss\)$/,
  );
  assert.match(
    await reasonOf(plain.url.replace('redis:', 'redis+cluster:')),
    /\(redis\+cluster:\/\/ is for a Redis Cluster\)$/,
  );
});

test('a server that has become a replica is left for the master behind the same address, with all connections', async (t) => {
  const [server, next] = [await startRedis(t), await startRedis(t)];
  const relay = await Relay.start(t, [server.port]);
  const hub = await RedisHub.start(t, `redis://127.0.0.1:${relay.port}`);
  const record = recordOf(hub);
  await hub.directory.claim(record, record.clientIds);
  await server.command('REPLICAOF', '127.0.0.1', String(next.port));
  relay.targets = [next.port];
  const changes: boolean[] = [];
  hub.connection.onChange((isUp) => changes.push(isUp));
  await assert.rejects(hub.directory.claim(record, record.clientIds));
  assertWithin(await untilFound(await RedisHub.start(t, next.url), record), 2_000);
  assert.doesNotMatch(await server.command('CLIENT', 'LIST'), /name=adit/);
  assert.deepEqual(changes, []);
});

test('a replica that serves nothing before it has what its master has is left, too, and that is the reason given', async (t) => {
  const [server, next] = [await startRedis(t), await startRedis(t)];
  const relay = await Relay.start(t, [server.port]);
  const hub = await RedisHub.start(t, `redis://127.0.0.1:${relay.port}`);
  const record = recordOf(hub);
  await hub.directory.claim(record, record.clientIds);
  await server.command('CONFIG', 'SET', 'replica-serve-stale-data', 'no');
  await server.command('REPLICAOF', '127.0.0.1', String(await freePort()));
  const find = async () => await hub.directory.find('of another');
  await assert.rejects(find);
  while (!/MASTERDOWN/.test(hub.directory.health.reason)) await passed(10);
  relay.targets = [next.port];
  assertWithin(await untilFound(await RedisHub.start(t, next.url), record), 5_000);
});

test('a server that stays a replica is connected to once a second at most, and that is the reason given', async (t) => {
  const [server, master] = [await startRedis(t), await startRedis(t)];
  await server.command('REPLICAOF', '127.0.0.1', String(master.port));
  const relay = await Relay.start(t, [server.port]);
  const hub = await RedisHub.start(t, `redis://127.0.0.1:${relay.port}`);
  const record = recordOf(hub);
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
  const record = recordOf(one);
  await one.directory.claim(record, record.clientIds);
  await master.stop();
  assertWithin(await one.untilItReaches(two), 10_000);
  assertWithin(await untilFound(two, record), 2_000);
  assert.deepEqual([one.gone, two.gone], [[], []]);
});

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
  const records = Array.from({ length: 10 }, () => recordOf(one));
  for (const record of records) await one.directory.claim(record, record.clientIds);
  for (const server of servers) {
    await server.stop();
    await server.start();
    assertWithin(await one.untilItReaches(two), 3_000);
  }
  for (const server of servers) await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
  assertWithin(await one.untilItReaches(two), 1_000);
  for (const record of records) assertWithin(await untilFound(two, record), 3_000);
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
