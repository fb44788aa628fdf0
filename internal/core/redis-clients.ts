import { Cluster, Redis } from '#internal/core/ioredis';
import { connectorTelling, InPlaceConnector } from './redis-connector.ts';
import type { RedisOptions } from './redis-url.ts';

/** How long Redis may take to answer one command. Longer than what a stop of it may take that is served late. */
const commandTimeoutMs = 5_000;
const connectTimeoutMs = 2_000;

/** How long until the next attempt to connect, the first of which has the number 1. */
export const reconnectDelayMs = (attempt: number): number => Math.min(50 * attempt, 500);

/** A client of one server, wherever Sentinel says that this is. */
export function connectSingle(options: RedisOptions, { isReadInPlace = false } = {}): Redis {
  const { kind, addresses, master, database, sentinelUsername, sentinelPassword } = options;
  const [address] = addresses;
  return new Redis({
    ...usual(options),
    // The library has none for Sentinel that could be told how to read.
    ...(isReadInPlace && kind === 'single' && { Connector: InPlaceConnector }),
    db: database,
    autoResubscribe: false,
    retryStrategy: reconnectDelayMs,
    enableOfflineQueue: false,
    ...(kind === 'single' && address),
    ...(kind === 'sentinel' && {
      sentinels: [...addresses],
      name: master as string,
      ...(sentinelUsername !== undefined && { sentinelUsername }),
      ...(sentinelPassword !== undefined && { sentinelPassword }),
      sentinelRetryStrategy: reconnectDelayMs,
      sentinelCommandTimeout: connectTimeoutMs,
      ...(options.isTls && { enableTLSForSentinelMode: true, sentinelTLS: tlsOf(options) }),
    }),
  });
}

/** A client of a Redis Cluster. `onError` is told why its nodes cannot be reached. */
export function connectCluster(options: RedisOptions, onError: (error: Error) => void): Cluster {
  return new Cluster([...options.addresses], {
    shardedSubscribers: true,
    // Connections to its nodes are made when they are needed; what they are needed for waits until they are there.
    enableOfflineQueue: true,
    clusterRetryStrategy: reconnectDelayMs,
    // What is tried again later would overtake what was sent meanwhile.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    retryDelayOnTryAgain: 0,
    // A name instead of its address, since the certificate is good for the name.
    dnsLookup: (host, callback) => callback(null, host),
    redisOptions: { ...usual(options), Connector: connectorTelling(onError) },
  });
}

function usual(options: RedisOptions) {
  const { username, password, isTls } = options;
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(isTls && { tls: tlsOf(options) }),
    connectionName: 'adit',
    connectTimeout: connectTimeoutMs,
    disconnectTimeout: 100,
    commandTimeout: commandTimeoutMs,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
  };
}

function tlsOf({ ca }: RedisOptions): { ca?: string | Buffer } {
  return ca === undefined ? {} : { ca };
}
