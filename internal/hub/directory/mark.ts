import { randomUUID } from 'node:crypto';
import type { RedisConnection } from '#internal/core/redis';
import { markScript } from './scripts.ts';

const key = 'adit:mark';
const channel = 'adit:mark';

/**
 * A key in Redis with a value that is drawn at random, and drawn anew by whoever finds it missing. When it has changed,
 * Redis has lost what hubs had noted there, though no connection to it was lost.
 */
export class Mark {
  readonly #connection: RedisConnection;
  readonly #onChanged: () => void;
  /** Undefined while it has not been seen over the present connection. */
  #seen: string | undefined;
  /** A question that is about to be asked. */
  #next: Promise<void> | undefined;

  constructor(connection: RedisConnection, onChanged: () => void) {
    this.#connection = connection;
    this.#onChanged = onChanged;
    connection.listen(channel, () => this.#lookSoon());
    connection.onConnected(() => this.#begin());
    this.#begin();
  }

  /** Calls `onChanged` if it has changed. Rejects when Redis does not say. */
  look(): Promise<void> {
    // Once for all of this turn, so that asking for made-up names costs little.
    this.#next ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.#look());
    return this.#next;
  }

  async #look(): Promise<void> {
    this.#next = undefined;
    const drawn = randomUUID();
    const mark = (await this.#connection.run(markScript, key, drawn)) as string;
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
