import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as passed } from 'node:timers/promises';
import { makeCertificates } from '../support/certificate.ts';
import { temporaryFolder } from '../support/processes.ts';
import { startRedis, startTlsRedis } from '../support/redis.ts';
import { RedisHub } from '../support/redis-hub.ts';

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
  const record = hub.newRecord();
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
