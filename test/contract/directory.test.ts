import { after } from 'node:test';
import { systemClock } from '#internal/core/clock';
import { MemoryDirectory } from '#internal/hub/directory/memory';
import { RedisDirectory } from '#internal/hub/directory/redis';
import { startRedis, startRedisCluster } from '../support/redis.ts';
import { connectTo } from '../support/redis-connection.ts';
import { directoryContract, type MakeDirectories } from './directory.ts';

// Before any test is there: hooks of a file run once its tests have.
const redis = await startRedis({ after });
const cluster = await startRedisCluster({ after });

const directories =
  (url: string): MakeDirectories =>
  async (t) =>
  async (node) => {
    const connection = await connectTo(t, url);
    const directory = new RedisDirectory(node, { clock: systemClock, connection, onLost: () => undefined });
    t.after(() => directory.close());
    return directory;
  };

directoryContract('the directory in memory', async () => {
  const directory = new MemoryDirectory();
  return async () => directory;
});
directoryContract('the directory in Redis', directories(redis.url));
directoryContract('the directory in a Redis Cluster', directories(cluster.url));
