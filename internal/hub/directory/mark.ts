import { randomUUID } from 'node:crypto';
import type { RedisConnection } from '#internal/core/redis';
import { notDecided } from '../not-decided.ts';
import { leaseMs } from './leased-keys.ts';

const key = 'adit:mark';
const channel = 'adit:mark';

/** Sets the key where it is missing. Gives the value that it has then. ARGV: value, lease in milliseconds. */
const script = `
local held = redis.call('GET', KEYS[1])
if held then return held end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]`;

/** The same, and renews it as it is. */
const touchScript = `
local held = redis.call('GET', KEYS[1]) or ARGV[1]
redis.call('SET', KEYS[1], held, 'PX', ARGV[2])
return held`;

/**
 * A key in Redis with a value that is drawn at random, and drawn anew by whoever finds it missing. When it has changed,
 * Redis has lost what hubs had noted there, though no connection to it was lost. It is on a lease as all of that is: when
 * the clock of Redis is put ahead, they end together.
 */
export class Mark {
  readonly #connection: RedisConnection;
  readonly #onChanged: () => void;
  /** Undefined while it has not been seen over the present connection. */
  #seen: unknown;
  /** A question that is about to be asked. */
  #next: Promise<void> | undefined;

  constructor(connection: RedisConnection, onChanged: () => void) {
    this.#connection = connection;
    this.#onChanged = onChanged;
    connection.listen(channel, () => this.#lookSoon());
    connection.onConnected(() => this.#begin());
    this.#begin();
  }

  /** Calls `onChanged` if it has changed. Throws ADIT_HUB_BUSY when Redis does not say. */
  look(): Promise<void> {
    // Once for all of this turn, so that asking for made-up names costs little.
    this.#next ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.#next = undefined;
      return this.#look(script);
    });
    return this.#next;
  }

  /** The same, and renews it, which shows whether Redis lets us. */
  touch(): Promise<void> {
    return this.#look(touchScript);
  }

  async #look(how: string): Promise<void> {
    const drawn = randomUUID();
    const mark = await this.#connection.run(how, key, drawn, leaseMs).catch((error: unknown) => {
      throw notDecided(error);
    });
    // Whoever has something to put back need not wait until it misses something.
    if (mark === drawn) this.#connection.publish(channel, Buffer.alloc(0)).catch(() => undefined);
    const hasChanged = this.#seen !== undefined && this.#seen !== mark;
    this.#seen = mark;
    if (hasChanged) this.#onChanged();
  }

  #begin(): void {
    this.#seen = undefined;
    this.#lookSoon();
  }

  #lookSoon(): void {
    // Else the next miss does it.
    this.look().catch(() => undefined);
  }
}
