import type { Clock } from '#internal/core/clock';
import type { RedisConnection } from '#internal/core/redis';
import { limits } from '#messages/limits';
import { notDecided } from '../not-decided.ts';
import { type Token, type Tokens, tokenName, usedBefore } from './tokens.ts';

/** The tokens of hubs that share a Redis: what one of them has taken, no other takes. */
export class RedisTokens implements Tokens {
  readonly #clock: Clock;
  readonly #connection: RedisConnection;

  constructor(clock: Clock, connection: RedisConnection) {
    this.#clock = clock;
    this.#connection = connection;
  }

  async take(token: Token, session: string): Promise<void> {
    if ((await this.#takerOf(token, session)) !== session) throw usedBefore();
  }

  async #takerOf(token: Token, session: string): Promise<string | null> {
    const key = `adit:token:${tokenName(token)}`;
    // Another hub's clock may be behind ours: there the token lives on.
    const ttlMs = Math.ceil(token.expiresAtMs - this.#clock.wallMs()) + limits.clockSkewSeconds * 1_000;
    try {
      const isTaken = await this.#connection.add(key, session, Math.max(ttlMs, 1));
      return isTaken ? session : await this.#connection.get(key);
    } catch (error) {
      throw notDecided(error);
    }
  }
}
