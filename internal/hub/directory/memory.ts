import type { NodeId } from '#internal/bus/bus';
import type { Directory, Loss, SessionRecord } from './directory.ts';

/** The directory of a hub that stands alone. */
export class MemoryDirectory implements Directory {
  readonly #sessions = new Map<string, SessionRecord>();
  /** Which session a client id leads to. */
  readonly #holders = new Map<string, string>();
  readonly health = { isUp: true, reason: '' };

  find(clientId: string): SessionRecord | undefined {
    const session = this.#holders.get(clientId);
    return session === undefined ? undefined : this.#sessions.get(session);
  }

  async claim(record: SessionRecord, clientIds: readonly string[]): Promise<readonly Loss[]> {
    const losses: Loss[] = [];
    this.#sessions.set(record.session, record);
    for (const clientId of clientIds) {
      const previous = this.find(clientId);
      if (previous && previous.session !== record.session) losses.push({ previous, clientId });
      this.#holders.set(clientId, record.session);
    }
    return losses;
  }

  async release(clientId: string, session: string): Promise<void> {
    if (this.#holders.get(clientId) === session) this.#holders.delete(clientId);
  }

  async read(session: string): Promise<SessionRecord | undefined> {
    return this.#sessions.get(session);
  }

  async move(session: string, epoch: number, node: NodeId): Promise<SessionRecord | undefined> {
    const record = this.#sessions.get(session);
    if (record?.epoch !== epoch) return undefined;
    const moved = { ...record, node, epoch: epoch + 1 };
    this.#sessions.set(session, moved);
    return moved;
  }

  async end(session: string, node: NodeId): Promise<void> {
    const record = this.#sessions.get(session);
    if (record?.node !== node) return;
    this.#sessions.delete(session);
    for (const clientId of record.clientIds) {
      if (this.#holders.get(clientId) === session) this.#holders.delete(clientId);
    }
  }

  invalidate(): void {
    // Nothing here is remembered of others.
  }

  readonly isComplete = true;

  get size(): number {
    return this.#holders.size;
  }

  async close(): Promise<void> {
    // It goes with its process.
  }
}
