import type { RedisOptions } from '#internal/core/redis-url';
import type { Networks } from './addresses.ts';
import type { Certificate } from './edge/listener.ts';
import type { Rate } from './limiter/limiter.ts';
import type { ListenAddress } from './listen.ts';

/** What the operator of a hub decides. */
export interface HubOptions {
  listen: ListenAddress;
  /** Lower case; empty when tunnels have no hostnames. */
  domain: string;
  /** The public URLs; empty stands for the domain, or localhost, with the port that is listened on. */
  bases: readonly URL[];
  pathRouting: 'auto' | 'on' | 'off';
  /** Where visitors connect; undefined stands for what we listen on ourselves. */
  probeUrl: URL | undefined;
  certificate: Certificate | undefined;
  trustedProxies: Networks;
  /** The keys that may register; undefined lets every key. */
  allowedKeys: ReadonlySet<string> | undefined;
  /** Infinity lets every length. */
  maxBodyBytes: number;
  timeoutMs: number;
  /** How long a session outlives its agent's connection; 0 ends it at once. */
  graceMs: number;
  /** Undefined lets every rate. */
  rate: Rate | undefined;
  maxConnectionsPerIp: number;
  /** What may be granted to all streams together, beyond the first window of each. */
  memoryBytes: number;
  /** Through which Redis this hub shares its agents with others; undefined is a hub that stands alone. */
  redis: RedisOptions | undefined;
  metricsListen: ListenAddress | undefined;
  /** How long visitors may take to end what is under way once the hub closes. */
  drainMs: number;
}
