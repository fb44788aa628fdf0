import type { NodeId } from '#internal/bus/bus';
import { RedisBus } from '#internal/bus/redis';
import type { Clock } from '#internal/core/clock';
import type { Log } from '#internal/core/log';
import { RedisConnection } from '#internal/core/redis';
import type { RedisOptions } from '#internal/core/redis-url';
import type { Loss } from './directory/directory.ts';
import { RedisDirectory } from './directory/redis.ts';
import { RedisTokens } from './tokens/redis.ts';

export interface ClusterDeps {
  clock: Clock;
  log: Log;
  /** Is told what went wrong with a message of another hub. */
  onError(thrown: unknown): void;
  /** Is told what sessions of this hub have lost without having heard of it. */
  onLost(losses: readonly Loss[]): void;
}

/** What a hub shares with others through one Redis. The directory is to be closed last: with it goes the connection. */
export function shareThroughRedis(node: NodeId, options: RedisOptions, { clock, log, onError, onLost }: ClusterDeps) {
  const connection = new RedisConnection(options, onError);
  connection.onChange((isUp) => (isUp ? log.info(`${connection.name} is connected`) : log.warn(connection.reason)));
  return {
    bus: new RedisBus(node, { clock, connection, onError }),
    directory: new RedisDirectory(node, { clock, log, connection, onLost }),
    tokens: new RedisTokens(clock, connection),
  };
}
