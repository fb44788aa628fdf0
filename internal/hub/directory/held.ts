import type { SessionRecord } from './directory.ts';

/** The sessions that a hub holds itself, and the client ids that lead to them. */
export class HeldRecords {
  readonly #records = new Map<string, SessionRecord>();
  readonly #holders = new Map<string, string>();

  find(clientId: string): SessionRecord | undefined {
    const session = this.#holders.get(clientId);
    return session === undefined ? undefined : this.#records.get(session);
  }

  get(session: string): SessionRecord | undefined {
    return this.#records.get(session);
  }

  set(record: SessionRecord): void {
    this.#records.set(record.session, record);
  }

  give(clientId: string, session: string): void {
    this.#holders.set(clientId, session);
  }

  /** Gives whether it was the session's. */
  take(clientId: string, session: string): boolean {
    return this.#holders.get(clientId) === session && this.#holders.delete(clientId);
  }

  delete(session: string): void {
    for (const clientId of this.#records.get(session)?.clientIds ?? []) this.take(clientId, session);
    this.#records.delete(session);
  }

  get sessions(): string[] {
    return [...this.#records.keys()];
  }

  /** Client ids. */
  get size(): number {
    return this.#holders.size;
  }
}
