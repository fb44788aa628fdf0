import assert from 'node:assert/strict';
import { RedisConnection } from '#internal/core/redis';
import { parseRedisUrl, type RedisOptions } from '#internal/core/redis-url';
import type { Cleanup } from './processes.ts';

/** A connection that is up. */
export async function connectTo(t: Cleanup, url: string, more: Partial<RedisOptions> = {}): Promise<RedisConnection> {
  const connection = new RedisConnection({ ...parseRedisUrl(url), ...more }, (thrown) => assert.fail(String(thrown)));
  t.after(() => connection.close());
  await new Promise<void>((resolve) => connection.onConnected(() => connection.isUp && resolve()));
  return connection;
}
