import type { SessionRecord } from './directory.ts';

/** Whose an id is, and when that claimed it. */
interface Claim {
  session: string;
  at: number;
}

/** The sessions that a hub holds itself, and the client ids that lead to them. */
export class HeldRecords {
  readonly #records = new Map<string, SessionRecord>();
  readonly #claims = new Map<string, Claim>();

  find(clientId: string): SessionRecord | undefined {
    const claim = this.#claims.get(clientId);
    return claim && this.#records.get(claim.session);
  }

  get(session: string): SessionRecord | undefined {
    return this.#records.get(session);
  }

  set(record: SessionRecord): void {
    this.#records.set(record.session, record);
  }

  /** When an id was claimed; 0 when it is not held here. */
  claimedAt(clientId: string): number {
    return this.#claims.get(clientId)?.at ?? 0;
  }

  give(clientId: string, claim: Claim): void {
    this.#claims.set(clientId, claim);
  }

  /** Gives whether it was the session's. */
  take(clientId: string, session: string): boolean {
    return this.#claims.get(clientId)?.session === session && this.#claims.delete(clientId);
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
    return this.#claims.size;
  }
}
