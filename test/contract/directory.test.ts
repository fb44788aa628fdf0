import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import { type Clock, systemClock } from '#internal/core/clock';
import { silentLog } from '#internal/core/log';
import type { Loss } from '#internal/hub/directory/directory';
import { MemoryDirectory } from '#internal/hub/directory/memory';
import { RedisDirectory } from '#internal/hub/directory/redis';
import { FakeClock } from '../support/fake-clock.ts';
import { type RedisServer, startRedis, startRedisCluster } from '../support/redis.ts';
import { connectTo } from '../support/redis-connection.ts';
import { directoryContract, eventually, type MakeDirectories, newClientId, newNode, recordOf } from './directory.ts';

// Before any test is there: hooks of a file run once its tests have.
const redis = await startRedis({ after });
const cluster = await startRedisCluster({ after });

/** The directory of one more hub on a Redis. */
async function startDirectory(t: TestContext, url: string, node: string, clock: Clock): Promise<RedisDirectory> {
  const connection = await connectTo(t, url);
  const directory = new RedisDirectory(node, { clock, log: silentLog, connection, onLost: () => undefined });
  t.after(() => directory.close());
  return directory;
}

const directories =
  (url: string): MakeDirectories =>
  async (t) =>
  async (node) =>
    await startDirectory(t, url, node, systemClock);

directoryContract('the directory in memory', async () => {
  const directory = new MemoryDirectory();
  return async () => directory;
});
directoryContract('the directory in Redis', directories(redis.url));
directoryContract('the directory in a Redis Cluster', directories(cluster.url));

test('the directory in Redis: a hub renews its leases, and puts back what is missing', async (t) => {
  const clock = new FakeClock();
  const connection = await connectTo(t, redis.url);
  const directory = new RedisDirectory(newNode(), { clock, log: silentLog, connection, onLost: () => undefined });
  const record = recordOf(newNode(), newClientId(), newClientId());
  await directory.claim(record, record.clientIds);
  const [one = '', two = ''] = record.clientIds.map((clientId) => `adit:tunnel:${clientId}`);
  const session = `adit:session:${record.session}`;
  await redis.command('PEXPIRE', one, '9000');
  await redis.command('DEL', two, session);
  clock.advance(20_000);
  for (const key of [one, two, session]) {
    await eventually(async () => assert.ok(Number(await redis.command('PTTL', key)) > 50_000, 'not renewed'));
  }
  assert.match(await redis.command('GET', one), new RegExp(`^${record.session} `));
  assert.deepEqual(JSON.parse(await redis.command('GET', session)), record);
  await directory.close();
  clock.advance(60_000);
  assert.equal(clock.pendingCount, 0);
});

test('the directory in Redis: an id that nobody serves is asked for once a second', async (t) => {
  const clock = new FakeClock();
  const connection = await connectTo(t, redis.url);
  const directory = new RedisDirectory(newNode(), { clock, log: silentLog, connection, onLost: () => undefined });
  const record = recordOf(newNode(), newClientId());
  const [clientId = ''] = record.clientIds;
  assert.equal(await directory.find(clientId), undefined);
  // Without a notice, which would tell of it at once.
  await redis.command('SET', `adit:session:${record.session}`, JSON.stringify(record));
  await redis.command('SET', `adit:tunnel:${clientId}`, `${record.session} 1`);
  clock.advance(999);
  assert.equal(directory.find(clientId), undefined);
  clock.advance(1);
  const [first, second] = [directory.find(clientId), directory.find(clientId)];
  assert.equal(first, second);
  assert.deepEqual(await first, record);
  assert.deepEqual(directory.find(clientId), record);
  await directory.close();
});

test('the directory in Redis: what proved wrong is asked again', async (t) => {
  const connection = await connectTo(t, redis.url);
  const directory = new RedisDirectory(newNode(), {
    clock: systemClock,
    log: silentLog,
    connection,
    onLost: () => undefined,
  });
  t.after(() => directory.close());
  const record = recordOf(newNode(), newClientId());
  const [clientId = ''] = record.clientIds;
  await redis.command('SET', `adit:session:${record.session}`, JSON.stringify(record));
  await redis.command('SET', `adit:tunnel:${clientId}`, `${record.session} 1`);
  assert.deepEqual(await directory.find(clientId), record);
  const moved = { ...record, epoch: 2 };
  await redis.command('SET', `adit:session:${record.session}`, JSON.stringify(moved));
  assert.deepEqual(directory.find(clientId), record);
  directory.invalidate(record.session);
  assert.deepEqual(await directory.find(clientId), moved);
});

test('the directory in Redis: a session that is held here outlives a Redis that comes back empty', async (t) => {
  const connection = await connectTo(t, redis.url);
  const node = newNode();
  const directory = new RedisDirectory(node, {
    clock: new FakeClock(),
    log: silentLog,
    connection,
    onLost: () => undefined,
  });
  t.after(() => directory.close());
  const record = recordOf(node, newClientId());
  const [clientId = ''] = record.clientIds;
  await directory.claim(record, record.clientIds);
  await redis.command('DEL', `adit:session:${record.session}`, `adit:tunnel:${clientId}`);
  assert.deepEqual(await directory.move(record.session, 1, node), { ...record, epoch: 2 });
  await redis.command('DEL', `adit:session:${record.session}`, `adit:tunnel:${clientId}`);
  assert.deepEqual(await directory.read(record.session), { ...record, epoch: 2 });
  assert.match(await redis.command('GET', `adit:tunnel:${clientId}`), new RegExp(`^${record.session} `));
});

for (const [what, older, isLost] of [
  ['an earlier', true, false],
  ['a later', false, true],
] as const) {
  test(`the directory in Redis: ${what} claim than that of a session that is held here ${isLost ? 'takes' : 'does not take'} its id`, async (t) => {
    const [connection, clock, node] = [await connectTo(t, redis.url), new FakeClock(), newNode()];
    const losses: Loss[] = [];
    const directory = new RedisDirectory(node, {
      clock,
      log: silentLog,
      connection,
      onLost: (lost) => losses.push(...lost),
    });
    t.after(() => directory.close());
    const clientId = newClientId();
    const [own, other] = [recordOf(node, clientId), recordOf(newNode(), clientId)];
    await directory.claim(own, own.clientIds);
    const key = `adit:tunnel:${clientId}`;
    const [, at] = (await redis.command('GET', key)).split(' ');
    // As a Redis that comes back with what it had before, or after.
    await redis.command('SET', `adit:session:${other.session}`, JSON.stringify(other));
    await redis.command('SET', key, `${other.session} ${Number(at) + (older ? -1 : 1)}`);
    clock.advance(20_000);
    const winner = isLost ? other : own;
    await eventually(async () => {
      assert.equal((await redis.command('GET', key)).split(' ')[0], winner.session);
      assert.deepEqual(losses, isLost ? [{ previous: own, clientId }] : []);
    });
    assert.deepEqual(await directory.find(clientId), winner);
  });
}

test('the directory in Redis: a session that has moved here is put back over what it was before', async (t) => {
  const [connection, clock, node] = [await connectTo(t, redis.url), new FakeClock(), newNode()];
  const directory = new RedisDirectory(node, { clock, log: silentLog, connection, onLost: () => undefined });
  t.after(() => directory.close());
  const record = recordOf(newNode(), newClientId());
  const key = `adit:session:${record.session}`;
  await redis.command('SET', key, JSON.stringify(record));
  const moved = await directory.move(record.session, 1, node);
  assert.deepEqual(moved, { ...record, node, epoch: 2 });
  await redis.command('SET', key, JSON.stringify(record));
  clock.advance(20_000);
  await eventually(async () => assert.deepEqual(JSON.parse(await redis.command('GET', key)), moved));
  assert.deepEqual(await directory.find(record.clientIds[0] as string), moved);
  // While it stays where another hub has taken it.
  const further = { ...record, epoch: 3 };
  await redis.command('SET', key, JSON.stringify(further));
  clock.advance(20_000);
  await eventually(async () => assert.equal(directory.size, 0));
  assert.deepEqual(JSON.parse(await redis.command('GET', key)), further);
});

test('the directory in Redis: a session whose move here fails half-way is not renewed', async (t) => {
  const clock = new FakeClock();
  const node = newNode();
  const redis = await startRedis(t);
  const directory = await startDirectory(t, redis.url, node, clock);
  const [moving, other] = [recordOf(newNode(), newClientId()), recordOf(node, newClientId())];
  const keys = [moving, other].map(({ session }) => `adit:session:${session}`);
  await redis.command('SET', keys[0] as string, JSON.stringify(moving));
  // Nothing can be said of its id.
  await redis.command('ACL', 'SETUSER', 'default', 'resetkeys', '~adit:session:*');
  await assert.rejects(directory.move(moving.session, 1, node), { code: 'ADIT_HUB_BUSY' });
  await redis.command('ACL', 'SETUSER', 'default', 'allkeys');
  assert.equal((await directory.read(moving.session))?.epoch, 2);
  await directory.claim(other, other.clientIds);
  for (const each of keys) await redis.command('PEXPIRE', each, '9000');
  const msLeft = async (i: number) => Number(await redis.command('PTTL', keys[i] as string));
  await eventually(async () => {
    clock.advance(20_000);
    assert.ok((await msLeft(1)) > 50_000, 'not renewed');
  });
  assert.ok((await msLeft(0)) <= 9_000);
});

for (const [what, write] of Object.entries({
  'text that is no record': (key: string) => [['SET', key, 'no record']],
  'a record of another kind': (key: string) => [['SET', key, '{"epoch":9}']],
  'no text': (key: string) => [
    ['DEL', key],
    ['LPUSH', key, 'no text'],
  ],
})) {
  test(`the directory in Redis: ${what} where hubs have theirs is in nobody's way, and is written over`, async (t) => {
    const [clock, node, otherNode] = [new FakeClock(), newNode(), newNode()];
    const holder = await startDirectory(t, redis.url, node, clock);
    const other = await startDirectory(t, redis.url, otherNode, clock);
    const record = recordOf(node, newClientId());
    const [clientId = ''] = record.clientIds;
    const keys = ['adit:mark', `adit:tunnel:${clientId}`, `adit:session:${record.session}`];
    await holder.claim(record, record.clientIds);
    for (const key of keys) for (const words of write(key)) await redis.command(...words);
    assert.equal(await other.find(clientId), undefined);
    assert.equal(await other.move(record.session, 1, otherNode), undefined);
    clock.advance(20_000);
    await eventually(async () => {
      clock.advance(1_000);
      assert.deepEqual(await other.find(clientId), record);
    });
    for (const key of keys) for (const words of write(key)) await redis.command(...words);
    const later = recordOf(otherNode, clientId);
    await other.claim(later, [clientId]);
    assert.equal((await redis.command('GET', `adit:tunnel:${clientId}`)).split(' ')[0], later.session);
    await eventually(async () => {
      clock.advance(1_000);
      assert.deepEqual(await holder.find(clientId), later);
    });
  });
}

test('the directory in Redis: what is missing once Redis is back may still be put back', async (t) => {
  const server = await startRedis(t);
  const [clock, node] = [new FakeClock(), newNode()];
  const [holder, other] = [
    await startDirectory(t, server.url, node, clock),
    await startDirectory(t, server.url, newNode(), clock),
  ];
  const record = recordOf(node, newClientId());
  const [clientId = ''] = record.clientIds;
  await holder.claim(record, record.clientIds);
  assert.ok(other.isComplete);
  await server.stop();
  await server.start();
  await eventually(async () => assert.deepEqual(await other.find(clientId), record));
  assert.equal(await other.find(newClientId()), undefined);
  assert.ok(!other.isComplete);
  clock.advance(5_000);
  assert.ok(other.isComplete);
});

for (const [what, refuse, allow, reason] of [
  ['has no memory left', ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0'], /OOM/],
  ['allows no scripts', ['ACL', 'SETUSER', 'default', '-eval'], ['ACL', 'SETUSER', 'default', '+eval'], /NOPERM/],
] as const) {
  test(`the directory in Redis: a server that ${what} is told of, and nobody is called offline for it`, async (t) => {
    const server = await startRedis(t);
    const clock = new FakeClock();
    const directory = await startDirectory(t, server.url, newNode(), clock);
    await directory.find(newClientId());
    assert.ok(directory.health.isUp && directory.isComplete);
    await server.command(...refuse);
    clock.advance(20_000);
    await eventually(async () => assert.match(directory.health.reason, reason));
    assert.ok(!directory.health.isUp && !directory.isComplete);
    await server.command(...allow);
    clock.advance(1_000);
    await eventually(async () => assert.deepEqual(directory.health, { isUp: true, reason: '' }));
    assert.ok(directory.isComplete);
  });
}

test('the directory in Redis: what is refused in between leads to a look at what else is', async (t) => {
  const server = await startRedis(t);
  const directory = await startDirectory(t, server.url, newNode(), new FakeClock());
  await directory.find(newClientId());
  await server.command('CONFIG', 'SET', 'maxmemory', '1');
  assert.ok(directory.health.isUp);
  const record = recordOf(newNode(), newClientId());
  await assert.rejects(directory.claim(record, record.clientIds), { code: 'ADIT_HUB_BUSY' });
  await eventually(async () => assert.match(directory.health.reason, /OOM/));
});

/** What a server does to all leases when its clock is put ahead. */
async function endLeases(server: RedisServer): Promise<void> {
  const keys = (await server.command('KEYS', '*')).split('\n');
  const ttls = await Promise.all(keys.map(async (key) => Number(await server.command('PTTL', key))));
  await Promise.all(keys.filter((_, i) => Number(ttls[i]) > 0).map((key) => server.command('DEL', key)));
}

const losses = {
  'it was emptied': (server: RedisServer) => server.command('FLUSHALL'),
  'its clock was put ahead': endLeases,
};

for (const [name, { url, servers }] of Object.entries({
  Redis: { url: redis.url, servers: [redis] },
  'a Redis Cluster': cluster,
})) {
  for (const [how, lose] of Object.entries(losses)) {
    test(`the directory in ${name}: what is missing once ${how} is put back at once, and not called nobody's`, async (t) => {
      const [clock, node] = [new FakeClock(), newNode()];
      const [holder, other] = [
        await startDirectory(t, url, node, clock),
        await startDirectory(t, url, newNode(), clock),
      ];
      const record = recordOf(node, newClientId());
      const [clientId = ''] = record.clientIds;
      await holder.claim(record, record.clientIds);
      assert.equal(await other.find(newClientId()), undefined);
      assert.ok(other.isComplete);
      for (const server of servers) await lose(server);
      assert.equal(await other.find(clientId), undefined);
      assert.ok(!other.isComplete);
      await eventually(async () => assert.deepEqual(await other.find(clientId), record));
      clock.advance(5_000);
      assert.ok(other.isComplete);
      assert.equal(await other.find(newClientId()), undefined);
      assert.ok(other.isComplete);
    });
  }
}
