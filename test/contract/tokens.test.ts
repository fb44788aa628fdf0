import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { systemClock } from '#internal/core/clock';
import { AditError } from '#internal/core/errors';
import { MemoryTokens } from '#internal/hub/tokens/memory';
import { RedisTokens } from '#internal/hub/tokens/redis';
import { startRedis, startRedisCluster } from '../support/redis.ts';
import { connectTo } from '../support/redis-connection.ts';
import { tokensContract } from './tokens.ts';

// Before any test is there: hooks of a file run once its tests have.
const redis = await startRedis({ after });
const cluster = await startRedisCluster({ after });

tokensContract('tokens in memory', async () => new MemoryTokens(systemClock));

tokensContract('tokens in Redis', async (t) => {
  await redis.command('FLUSHALL');
  return new RedisTokens(systemClock, await connectTo(t, redis.url));
});

tokensContract('tokens in a Redis Cluster', async (t) => {
  await Promise.all(cluster.servers.map((server) => server.command('FLUSHALL')));
  return new RedisTokens(systemClock, await connectTo(t, cluster.url));
});

test('tokens in Redis: what one hub has taken no other takes, until it expires everywhere', async (t) => {
  await redis.command('FLUSHALL');
  const token = { keyId: 'key', signingInput: 'a', expiresAtMs: Date.now() + 10_000 };
  await new RedisTokens(systemClock, await connectTo(t, redis.url)).take(token, 'one');
  const other = new RedisTokens(systemClock, await connectTo(t, redis.url));
  await assert.rejects(other.take(token, 'two'), (error) => (error as AditError).code === 'ADIT_REFUSED');
  const [key = ''] = (await redis.command('KEYS', '*')).split('\n');
  const ttlMs = Number(await redis.command('PTTL', key));
  assert.ok(ttlMs > 60_000 && ttlMs <= 70_000, `${ttlMs}`);
});

test('tokens in Redis: while it is away a registration is put off, with the reason, and taken after', async (t) => {
  const server = await startRedis(t);
  const connection = await connectTo(t, server.url);
  const tokens = new RedisTokens(systemClock, connection);
  const token = { keyId: 'key', signingInput: 'a', expiresAtMs: Date.now() + 10_000 };
  await server.stop();
  await assert.rejects(tokens.take(token, 'one'), (error) => {
    assert.ok(error instanceof AditError);
    assert.equal(error.code, 'ADIT_HUB_BUSY');
    assert.match(error.message, /^this hub cannot reach the others at present: try again/);
    assert.ok(error.cause instanceof Error);
    return true;
  });
  const connected = new Promise<void>((resolve) => connection.onConnected(() => connection.isUp && resolve()));
  await server.start();
  await connected;
  await tokens.take(token, 'one');
});
