import { oneOf, parseCount, parseDuration, parsePath, parseSite, type Setting } from '#internal/core/config';
import type { LogFormat, LogLevel } from '#internal/core/log';
import { parseRedisUrl, type RedisOptions } from '#internal/core/redis-url';
import { Networks } from '#internal/hub/addresses';
import type { Rate } from '#internal/hub/limiter/limiter';
import type { ListenAddress } from '#internal/hub/listen';
import { limits } from '#messages/limits';

/** The variables by which the original is configured. Where they are, its defaults are what their owner expects. */
const originalVariables = ['ADDR', 'BASE', 'CACHE', 'PUBSUB', 'REDIS'];

/** The settings of `adit-server`, with the defaults that fit this environment. */
export function serverSettings(env: Record<string, string | undefined>) {
  const isOriginal = originalVariables.some((name) => env[name] !== undefined);
  const isShared = env['PUBSUB'] === 'redis' || env['CACHE'] === 'redis';
  return {
    listen: {
      flag: 'listen',
      env: ['ADDR'],
      placeholder: 'address',
      help: 'where to listen: a port, :port or host:port; default :6519',
      parse: parseListen,
      fallback: { host: undefined, port: 6519 } as ListenAddress,
    },
    domain: {
      flag: 'domain',
      env: ['DOMAIN'],
      placeholder: 'name',
      help: 'tunnels are hostnames below this one; "" for none; default localhost',
      parse: parseDomain,
      fallback: isOriginal ? '' : 'localhost',
    },
    bases: {
      flag: 'base',
      env: ['BASE'],
      placeholder: 'url',
      help: 'the public URL that agents dial; repeatable; default made of --domain and --listen',
      parse: parseBases,
      fallback: [] as URL[],
    },
    pathRouting: {
      flag: 'path-routing',
      env: ['PATH_ROUTING'],
      placeholder: 'when',
      help: 'serve /proxy/request/<id>/: auto (without a domain or on loopback), on or off',
      parse: oneOf('auto', 'on', 'off'),
      fallback: 'auto' as const,
    },
    tlsCert: {
      flag: 'tls-cert',
      env: ['TLS_CERT'],
      placeholder: 'file',
      help: 'certificate chain (PEM, wildcard and apex): --listen then speaks https; read again on SIGHUP',
      parse: parsePath,
      fallback: undefined as string | undefined,
    },
    tlsKey: {
      flag: 'tls-key',
      env: ['TLS_KEY'],
      placeholder: 'file',
      help: 'the private key of --tls-cert (PEM)',
      parse: parsePath,
      fallback: undefined as string | undefined,
    },
    probeUrl: {
      flag: 'probe-url',
      env: ['PROBE_URL'],
      placeholder: 'url',
      help: 'where visitors connect, to see whether they reach tunnels; default our own listener by loopback',
      parse: parseSite,
      fallback: undefined as URL | undefined,
    },
    trustedProxies: {
      flag: 'trusted-proxies',
      env: ['TRUSTED_PROXIES'],
      placeholder: 'networks',
      help: 'peers whose X-Forwarded-* are believed: CIDRs or loopback; default none',
      parse: Networks.parse,
      fallback: Networks.parse(''),
    },
    allowKeys: {
      flag: 'allow-keys',
      env: ['ALLOW_KEYS'],
      placeholder: 'file',
      help: 'client ids that may register, one a line; default all; read again on SIGHUP',
      parse: parsePath,
      fallback: undefined as string | undefined,
    },
    maxBodyBytes: {
      flag: 'max-body',
      env: ['MAX_BODY'],
      placeholder: 'bytes',
      help: 'the most bytes of one request or response body, or unlimited; default 512000',
      parse: parseCountOrUnlimited,
      fallback: 512_000,
    },
    timeoutMs: {
      flag: 'timeout',
      env: ['TIMEOUT'],
      placeholder: 'duration',
      help: 'how long a response may take to begin; default 30s',
      parse: parseDuration,
      fallback: 30_000,
    },
    graceMs: {
      flag: 'grace',
      env: ['GRACE'],
      placeholder: 'duration',
      help: 'how long requests under way wait for an agent that lost its connection, or off; default 30s',
      parse: (text: string) => (text === 'off' ? 0 : parseDuration(text)),
      fallback: 30_000,
    },
    rate: {
      flag: 'rate-limit',
      env: ['RATE_LIMIT'],
      placeholder: 'count/time',
      help: 'requests of one tunnel, or off; default 6000/1m',
      parse: parseRate,
      fallback: { count: 6_000, windowMs: 60_000 } as Rate | undefined,
    },
    maxConnectionsPerIp: {
      flag: 'max-connections-per-ip',
      env: ['MAX_CONNECTIONS_PER_IP'],
      placeholder: 'count',
      help: 'connections of one address (IPv6: /64), loopback exempt, or unlimited; default 1024',
      parse: parseConnectionCount,
      fallback: 1_024,
    },
    memoryBytes: {
      flag: 'memory',
      env: ['ADIT_MEMORY'],
      placeholder: 'bytes',
      help: 'what all bodies on their way may take together beyond 64 KiB each; default 268435456',
      parse: parseCount,
      fallback: limits.processWindows,
    },
    drainMs: {
      flag: 'drain',
      env: ['DRAIN'],
      placeholder: 'duration',
      help: 'how long requests under way may take once the hub is told to stop; default 25s',
      parse: parseDuration,
      fallback: 25_000,
    },
    redis: {
      flag: 'redis',
      env: isShared ? ['REDIS_URL', 'REDIS'] : ['REDIS_URL'],
      placeholder: 'url',
      help: 'the Redis that hubs share agents through: redis://, rediss://, +sentinel or +cluster; default none',
      parse: parseRedisUrl,
      fallback: (isShared ? parseRedisUrl('localhost:6379') : undefined) as RedisOptions | undefined,
    },
    redisCa: {
      flag: 'redis-ca',
      env: ['REDIS_CA'],
      placeholder: 'file',
      help: 'certificates to trust that Redis by (PEM), instead of those that Node.js knows',
      parse: parsePath,
      fallback: undefined as string | undefined,
    },
    metricsListen: {
      flag: 'metrics-listen',
      env: ['METRICS_ADDR'],
      placeholder: 'address',
      help: 'where to serve /metrics, or off; default off',
      parse: (text: string) => (text === 'off' ? undefined : parseListen(text)),
      fallback: undefined as ListenAddress | undefined,
    },
    logLevel: {
      flag: 'log-level',
      env: ['LOG_LEVEL'],
      placeholder: 'level',
      help: 'debug, info, warn, error or silent; default info',
      parse: parseLogLevel,
      fallback: 'info' as LogLevel,
    },
    logFormat: {
      flag: 'log-format',
      env: ['LOG_FORMATTER'],
      placeholder: 'format',
      help: 'text or json; default text on a terminal, json elsewhere',
      parse: oneOf('text', 'json'),
      fallback: undefined as LogFormat | undefined,
    },
  } satisfies Record<string, Setting<unknown>>;
}

/** Reads `6519`, `:6519`, `127.0.0.1:6519` or `[::1]:6519`. */
export function parseListen(text: string): ListenAddress {
  const match = /^(?:(\[[0-9A-Fa-f:.]+\]|[^:[\]]*):)?(\d{1,5})$/.exec(text.trim());
  const port = Number(match?.[2]);
  if (!match || port > 65_535) throw new Error(`"${text}" is not an address; write :6519 or 127.0.0.1:6519`);
  const host = match[1]?.replace(/^\[|\]$/g, '');
  return { host: host || undefined, port };
}

function parseDomain(text: string): string {
  const name = text.trim().toLowerCase().replace(/\.$/, '');
  if (name === '' || /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name))
    return name;
  throw new Error(`"${text}" is not a domain name; write it like tunnel.example.com, without scheme and port`);
}

function parseBases(text: string): URL[] {
  return text.split(',').map(parseSite);
}

function parseRate(text: string): Rate | undefined {
  if (text === 'off') return undefined;
  const match = /^(\d+)\/(.+)$/.exec(text.trim());
  const count = Number(match?.[1] ?? 0);
  if (!match || count < 1) throw new Error(`"${text}" is not a rate; write it like 6000/1m, or off`);
  return { count, windowMs: parseDuration(match[2] as string) };
}

function parseConnectionCount(text: string): number {
  const count = parseCountOrUnlimited(text);
  if (count === 0) throw new Error('0 would let no visitor in; write how many, or unlimited');
  return count;
}

function parseCountOrUnlimited(text: string): number {
  return text === 'unlimited' ? Number.POSITIVE_INFINITY : parseCount(text);
}

/** Also takes the words of the original's logger. */
function parseLogLevel(text: string): LogLevel {
  const known: Record<string, LogLevel> = { warning: 'warn', trace: 'debug', fatal: 'error', panic: 'error' };
  const word = text.toLowerCase();
  return Object.hasOwn(known, word)
    ? (known[word] as LogLevel)
    : oneOf('debug', 'info', 'warn', 'error', 'silent')(word);
}
