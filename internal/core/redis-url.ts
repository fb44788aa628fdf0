/** Where Redis is and how to sign in there. Never logged as a whole: see redisName. */
export interface RedisOptions {
  /** One server, Sentinels that know the current one, or nodes of a Redis Cluster. */
  readonly kind: 'single' | 'sentinel' | 'cluster';
  /** The server, the Sentinels, or some nodes of the cluster. */
  readonly addresses: readonly RedisAddress[];
  /** What the Sentinels call the server. */
  readonly master?: string;
  readonly username?: string;
  readonly password?: string;
  /** How to sign in at the Sentinels, which have users and passwords of their own. */
  readonly sentinelUsername?: string;
  readonly sentinelPassword?: string;
  readonly database: number;
  readonly isTls: boolean;
  /** Certificates (PEM) to trust the server by, instead of those that Node knows. */
  readonly ca?: string | Buffer;
}

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

const kinds: Record<string, { kind: RedisOptions['kind']; isTls: boolean }> = {
  redis: { kind: 'single', isTls: false },
  rediss: { kind: 'single', isTls: true },
  'redis+sentinel': { kind: 'sentinel', isTls: false },
  'rediss+sentinel': { kind: 'sentinel', isTls: true },
  'redis+cluster': { kind: 'cluster', isTls: false },
  'rediss+cluster': { kind: 'cluster', isTls: true },
};

/**
 * Reads `redis://[user][:password@]host[:port][/database]`, the same with `rediss` for TLS, with `+sentinel` (several
 * hosts and `/master-name[/database]`, then `?sentinelPassword=…` and `&sentinelUsername=…` if the Sentinels ask for
 * them) or `+cluster` (several hosts), or a bare `host:port`. Users and passwords are percent-encoded.
 * Throws an Error that never repeats the text, since a password may stand anywhere in a wrong one.
 */
export function parseRedisUrl(text: string): RedisOptions {
  const [, scheme = 'redis', rest = ''] = /^(?:([^:/@]*):\/\/)?(.*)$/s.exec(text.trim()) ?? [];
  const known = Object.hasOwn(kinds, scheme) ? kinds[scheme] : undefined;
  if (!known) throw new Error(`is not a URL of Redis; it begins with one of ${Object.keys(kinds).join('://, ')}://`);
  const [beforeQuery = '', ...queries] = rest.split('?');
  if (/[#\s]/.test(rest) || queries.length > (known.kind === 'sentinel' ? 1 : 0)) {
    throw new Error('has a query, a fragment or a blank; percent-encode ?, # and blanks in a password');
  }
  const [, signIn, hosts = '', path = ''] = /^(?:(.*)@)?([^/@]*)(?:\/(.*))?$/s.exec(beforeQuery) ?? [];
  const addresses = hosts.split(',').map((host) => parseAddress(host, known.kind === 'sentinel' ? 26_379 : 6_379));
  if (known.kind === 'single' && addresses.length > 1) {
    throw new Error(`names several hosts; write ${scheme}+sentinel:// or ${scheme}+cluster://`);
  }
  const { master, database } = parsePath(known.kind, path);
  return {
    ...known,
    addresses,
    ...parseSignIn(signIn),
    ...parseQuery(queries[0]),
    ...(master !== undefined && { master }),
    database,
  };
}

/** What a log may say of where Redis is: kind, hosts and ports. */
export function redisName({ kind, addresses, master }: RedisOptions): string {
  const hosts = addresses.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',');
  const names = { single: 'redis', sentinel: `redis "${master}" by sentinel`, cluster: 'redis cluster' };
  return `${names[kind]} ${hosts}`;
}

function parseAddress(text: string, usualPort: number): RedisAddress {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(text);
  if (!match) throw new Error('names no host; write redis://host:port, and percent-encode what is odd in a password');
  const port = Number(match[3] ?? usualPort);
  if (port < 1 || port > 65_535) throw new Error('has a port that is not between 1 and 65535');
  return { host: (match[1] ?? match[2]) as string, port };
}

function parseSignIn(text: string | undefined): Pick<RedisOptions, 'username' | 'password'> {
  if (text === undefined) return {};
  const [, user = '', password] = /^([^:]*)(?::(.*))?$/s.exec(text) ?? [];
  const username = decode(user);
  return { ...(username !== '' && { username }), ...(password !== undefined && { password: decode(password) }) };
}

function parseQuery(text: string | undefined): Pick<RedisOptions, 'sentinelUsername' | 'sentinelPassword'> {
  const words = text?.split('&') ?? [];
  return Object.fromEntries(
    words.map((word) => {
      const [, name, value] = /^(sentinelUsername|sentinelPassword)=(.+)$/s.exec(word) ?? [];
      if (!name || !value) throw new Error('has a query that is not sentinelPassword=… or sentinelUsername=…');
      return [name, decode(value)];
    }),
  );
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error('has a user or password that is not percent-encoded; write %25 for %');
  }
}

function parsePath(kind: RedisOptions['kind'], path: string): { master?: string; database: number } {
  const words = path === '' ? [] : path.split('/');
  const master = kind === 'sentinel' ? words.shift() : undefined;
  if (kind === 'sentinel' && !master) throw new Error('names no master; write redis+sentinel://host:port/master-name');
  const [word = '0', ...others] = words;
  if (!/^\d{1,5}$/.test(word) || others.length > 0) throw new Error('has a path that is not the number of a database');
  if (kind === 'cluster' && word !== '0') throw new Error('names a database; a Redis Cluster has only database 0');
  return { ...(master !== undefined && { master: decode(master) }), database: Number(word) };
}
