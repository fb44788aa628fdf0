import { readFileSync } from 'node:fs';
import { after } from 'node:test';
import { MemoryNetwork } from '#internal/bus/memory';
import { RedisBus } from '#internal/bus/redis';
import { systemClock } from '#internal/core/clock';
import { RedisConnection } from '#internal/core/redis';
import { parseRedisUrl } from '#internal/core/redis-url';
import { makeCertificates } from '../support/certificate.ts';
import { temporaryFolder } from '../support/processes.ts';
import { startRedis, startRedisCluster, startTlsRedis } from '../support/redis.ts';
import { busContract, type MakeNetwork } from './bus.ts';

// Before any test is there: hooks of a file run once its tests have.
const redis = await startRedis({ after });
const answeringRedis = await startRedis({ after }, ['--rename-command', 'CLIENT', '']);
const cluster = await startRedisCluster({ after });
const certificates = makeCertificates(temporaryFolder({ after }));
const tlsRedis = await startTlsRedis({ after }, certificates);

const network =
  (url: string, ca?: string): MakeNetwork =>
  async (t, onError) =>
  (node) => {
    const connection = new RedisConnection({ ...parseRedisUrl(url), ...(ca !== undefined && { ca }) }, onError);
    t.after(() => connection.close());
    return new RedisBus(node, { clock: systemClock, connection, onError });
  };

busContract('the memory bus', async (_t, onError) => {
  const network = new MemoryNetwork(onError);
  return (node) => network.bus(node);
});

busContract('the bus over Redis', network(redis.url));

busContract('the bus over a Redis that knows no CLIENT REPLY', network(answeringRedis.url));

busContract('the bus over Redis behind TLS', network(tlsRedis.url, readFileSync(certificates.caPath, 'utf8')));

busContract('the bus over a Redis Cluster', network(cluster.url));
