import type { Clock } from '#internal/core/clock';
import { limits } from '#messages/limits';
import type { SessionRecord } from './directory.ts';

/** How long an answer is believed when nothing is heard of a change. */
const knownMs = 30_000;
/** The same of an id that nobody serves: asking for made-up names must not cost a question each. */
const nobodyMs = 1_000;

interface Entry<T> {
  value: T;
  expiresAt: number;
}

/** What a hub remembers of sessions that other hubs hold. */
export class DirectoryCache {
  readonly #clock: Clock;
  readonly #records = new Map<string, Entry<SessionRecord>>();
  readonly #sessions = new Map<string, Entry<string>>();
  readonly #nobody = new Map<string, Entry<null>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Who serves a client id; null is nobody, undefined is not known here. */
  find(clientId: string): SessionRecord | null | undefined {
    const session = this.#get(this.#sessions, clientId);
    const record = session === undefined ? undefined : this.#get(this.#records, session);
    return record ?? this.#get(this.#nobody, clientId);
  }

  set(clientId: string, record: SessionRecord): void {
    this.#put(this.#records, record.session, record, knownMs);
    this.#put(this.#sessions, clientId, record.session, knownMs);
  }

  setNobody(clientId: string): void {
    this.#put(this.#nobody, clientId, null, nobodyMs);
  }

  forgetId(clientId: string): void {
    this.#sessions.delete(clientId);
    this.#nobody.delete(clientId);
  }

  forgetSession(session: string): void {
    this.#records.delete(session);
  }

  clear(): void {
    for (const entries of [this.#records, this.#sessions, this.#nobody]) entries.clear();
  }

  #get<T>(entries: Map<string, Entry<T>>, key: string): T | undefined {
    const entry = entries.get(key);
    return entry && entry.expiresAt > this.#clock.now() ? entry.value : undefined;
  }

  #put<T>(entries: Map<string, Entry<T>>, key: string, value: T, ttlMs: number): void {
    // What was set last stands last, so that the first one is the oldest.
    entries.delete(key);
    entries.set(key, { value, expiresAt: this.#clock.now() + ttlMs });
    if (entries.size > limits.cachedRecordCount) entries.delete(entries.keys().next().value as string);
  }
}
