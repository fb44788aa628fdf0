import type { RedisConnection } from '#internal/core/redis';
import { notDecided } from '../not-decided.ts';

/** How long a key lives that is not renewed. */
export const leaseMs = 60_000;

// Each script touches the one key that it is given: all that a script may do in a Redis Cluster.

/** Gives the value that the key had. ARGV: value, lease in milliseconds. */
const takeScript = `
local held = redis.call('GET', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return held`;

/** Gives another value that the key has. ARGV: value, lease in milliseconds. */
const keepScript = `
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return held end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false`;

/** Gives 1 or 0. ARGV: old value, new one, lease in milliseconds. */
const replaceScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`;

/** Gives 1 or 0. ARGV: value. */
const dropScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;

/**
 * Keys of one kind in Redis, which live as long as somebody renews them. Each step is decided by Redis, on one key; each
 * throws ADIT_HUB_BUSY when that does not answer.
 */
export class LeasedKeys {
  readonly #prefix: string;
  readonly #connection: RedisConnection;

  /** Their names begin with `prefix`. */
  constructor(prefix: string, connection: RedisConnection) {
    this.#prefix = prefix;
    this.#connection = connection;
  }

  async get(name: string): Promise<string | null> {
    return await this.#connection.get(this.#prefix + name).catch(refuse);
  }

  /** Sets a key whoever had it. Gives the value that it had. */
  async take(name: string, value: string): Promise<string | null> {
    return (await this.run(takeScript, name, value, leaseMs)) as string | null;
  }

  /** Renews a key, or puts it back where it is missing. Gives another value that it has by now, which it keeps. */
  async keep(name: string, value: string): Promise<string | null> {
    return (await this.run(keepScript, name, value, leaseMs)) as string | null;
  }

  /** Sets a key if it still has the value that was read. Gives whether it had. */
  async replace(name: string, read: string, value: string): Promise<boolean> {
    return (await this.run(replaceScript, name, read, value, leaseMs)) === 1;
  }

  /** Deletes a key if it still has this value. Gives whether it had. */
  async drop(name: string, value: string): Promise<boolean> {
    return (await this.run(dropScript, name, value)) === 1;
  }

  /** Runs a script on a key. */
  async run(script: string, name: string, ...args: (string | number)[]): Promise<unknown> {
    return await this.#connection.run(script, this.#prefix + name, ...args).catch(refuse);
  }
}

function refuse(error: unknown): never {
  throw notDecided(error);
}
