import type { Clock } from '#internal/core/clock';
import type { RedisConnection } from '#internal/core/redis';
import { DirectoryCache } from './cache.ts';
import type { SessionRecord } from './directory.ts';

/** Within that, hubs are back at a Redis that was lost, or emptied, and have put back what it has lost. */
const completeMs = 5_000;

export interface LookupsDeps {
  clock: Clock;
  connection: Pick<RedisConnection, 'lossCount' | 'onConnected'>;
  /** Which session a client id leads to. */
  sessionOf(clientId: string): Promise<string | null>;
  read(session: string): Promise<SessionRecord | undefined>;
  /** Finds out whether Redis has lost what hubs had noted there. */
  look(): Promise<void>;
  /** Whether Redis refuses what is put back. */
  isRefused(): boolean;
}

/** Questions about client ids that other hubs serve. Answers are remembered until something is heard of them. */
export class Lookups {
  readonly #deps: LookupsDeps;
  readonly #cache: DirectoryCache;
  /** Questions under way whose answers may be remembered: nothing was told of them since. */
  readonly #asked = new Map<string, Promise<SessionRecord | undefined>>();
  #completeAt = 0;

  constructor(deps: LookupsDeps) {
    const { clock, connection } = deps;
    this.#deps = deps;
    this.#cache = new DirectoryCache(clock);
    connection.onConnected(() => {
      if (connection.lossCount > 0) this.awaitOthers();
      this.#cache.clear();
      this.#asked.clear();
    });
  }

  /** Who serves a client id: at once when that is remembered. Rejects with ADIT_HUB_BUSY when Redis does not say. */
  find(clientId: string): SessionRecord | undefined | Promise<SessionRecord | undefined> {
    const known = this.#cache.find(clientId);
    if (known !== undefined) return known ?? undefined;
    const asked = this.#asked.get(clientId) ?? this.#ask(clientId);
    this.#asked.set(clientId, asked);
    return asked;
  }

  /** Forgets what may have changed: a session, and which one serves these ids. */
  forget(session: string, clientIds: readonly string[] = []): void {
    for (const clientId of clientIds) this.#cache.forgetId(clientId);
    this.#cache.forgetSession(session);
    this.#asked.clear();
  }

  /** Others may have to put back what is missing. */
  awaitOthers(): void {
    this.#completeAt = this.#deps.clock.now() + completeMs;
  }

  /** Whether nobody serves what is not found. */
  get isComplete(): boolean {
    return this.#deps.clock.now() >= this.#completeAt && !this.#deps.isRefused();
  }

  async #ask(clientId: string): Promise<SessionRecord | undefined> {
    // The question is noted before it is asked, by whoever called this.
    await undefined;
    const asked = this.#asked.get(clientId);
    const isNews = (): boolean => this.#asked.get(clientId) === asked;
    const { sessionOf, read, look } = this.#deps;
    try {
      const session = await sessionOf(clientId);
      const record = session === null ? undefined : await read(session);
      if (!record) await look();
      if (isNews() && record) this.#cache.set(clientId, record);
      if (isNews() && session === null && this.isComplete) this.#cache.setNobody(clientId);
      return record;
    } finally {
      if (isNews()) this.#asked.delete(clientId);
    }
  }
}
