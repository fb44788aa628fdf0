import { after } from 'node:test';
import { MemoryNetwork } from '#internal/bus/memory';
import { RedisBus } from '#internal/bus/redis';
import { systemClock } from '#internal/core/clock';
import { RedisConnection } from '#internal/core/redis';
import { parseRedisUrl } from '#internal/core/redis-url';
import { startRedis, startRedisCluster } from '../support/redis.ts';
import { busContract, type MakeNetwork } from './bus.ts';

// Before any test is there: hooks of a file run once its tests have.
const redis = await startRedis({ after });
const cluster = await startRedisCluster({ after });

const network =
  (url: string): MakeNetwork =>
  async (t, onError) =>
  (node) => {
    const connection = new RedisConnection(parseRedisUrl(url), onError);
    t.after(() => connection.close());
    return new RedisBus(node, { clock: systemClock, connection, onError });
  };

busContract('the memory bus', async (_t, onError) => {
  const network = new MemoryNetwork(onError);
  return (node) => network.bus(node);
});

busContract('the bus over Redis', network(redis.url));

busContract('the bus over a Redis Cluster', network(cluster.url));
