import type { Bus, NodeId } from '#internal/bus/bus';
import { MemoryNetwork } from '#internal/bus/memory';
import { messageOf } from '#internal/core/errors';
import type { RedisOptions } from '#internal/core/redis-url';
import type { Directory } from './directory/directory.ts';
import { MemoryDirectory } from './directory/memory.ts';
import type { ClusterReadings } from './metrics.ts';
import { type ClusterDeps, shareThroughRedis } from './redis.ts';
import { MemoryTokens } from './tokens/memory.ts';
import type { Tokens } from './tokens/tokens.ts';

/** What a hub shares with others, or has for itself where it stands alone. */
export interface Cluster {
  bus: Bus;
  directory: Directory;
  tokens: Tokens;
  /** Undefined where it stands alone. */
  readings: Omit<ClusterReadings, 'asks'> | undefined;
}

/** Without a Redis, a hub stands alone. */
export function joinCluster(
  node: NodeId,
  redis: RedisOptions | undefined,
  deps: Omit<ClusterDeps, 'onError'>,
): Cluster {
  const { clock, log } = deps;
  const onError = (thrown: unknown): void => {
    log.error('a bus message was mishandled', { error: messageOf(thrown) });
  };
  if (!redis) {
    const bus = new MemoryNetwork(onError).bus(node);
    return { bus, directory: new MemoryDirectory(), tokens: new MemoryTokens(clock), readings: undefined };
  }
  const { bus, directory, tokens } = shareThroughRedis(node, redis, { ...deps, onError });
  return { bus, directory, tokens, readings: { bus: bus.stats, leases: directory.leases } };
}
