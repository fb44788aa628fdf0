import type { BusHealth, NodeId } from '#internal/bus/bus';
import type { Clock } from '#internal/core/clock';
import type { Log } from '#internal/core/log';
import type { RedisConnection } from '#internal/core/redis';
import { Claims } from './claims.ts';
import type { Directory, Loss, SessionRecord } from './directory.ts';
import { HeldRecords } from './held.ts';
import { LeasedKeys } from './leased-keys.ts';
import { Lookups } from './lookups.ts';
import { Mark } from './mark.ts';
import { readRecord } from './record.ts';
import { Renewals } from './renewals.ts';

const noticeChannel = 'adit:directory';

export interface RedisDirectoryDeps {
  clock: Clock;
  log: Pick<Log, 'info' | 'warn'>;
  /** Is closed with the directory. */
  connection: RedisConnection;
  /** Is told what sessions of this hub have lost without having heard of it. */
  onLost(losses: readonly Loss[]): void;
}

/** What one hub tells the others: what they know of these may have changed. */
interface Notice {
  node: NodeId;
  session: string;
  clientIds: readonly string[];
}

/**
 * The directory of hubs that share a Redis: a key for each client id that names its session, and one for each session,
 * both on a lease that the hub which holds the session renews. What this hub holds itself it knows without asking.
 */
export class RedisDirectory implements Directory {
  readonly #node: NodeId;
  readonly #deps: RedisDirectoryDeps;
  /** Records of sessions, as JSON. */
  readonly #sessions: LeasedKeys;
  /** Which session a client id leads to. */
  readonly #tunnels: Claims;
  readonly #held = new HeldRecords();
  readonly #lookups: Lookups;
  readonly #mark: Mark;
  readonly #renewals: Renewals;
  #noticeCount = 0;

  constructor(node: NodeId, deps: RedisDirectoryDeps) {
    this.#node = node;
    this.#deps = deps;
    this.#sessions = new LeasedKeys('adit:session:', deps.connection);
    this.#tunnels = new Claims(deps.connection);
    this.#renewals = new Renewals({
      clock: deps.clock,
      isPossible: () => deps.connection.takesCommands,
      held: () => this.#held.sessions,
      keep: (session) => this.#keepSession(session),
      probe: () => this.#mark.touch(),
      onRefused: (refusal) => {
        // Even where it cannot be reached at this moment: of that the log is told by others.
        if (refusal) deps.log.warn(this.#refusal);
        else deps.log.info(`${deps.connection.name} takes what hubs note there again`);
      },
    });
    this.#mark = new Mark(deps.connection, () => {
      this.#lookups.awaitOthers();
      void this.#renewals.runAnew();
    });
    this.#lookups = new Lookups({
      clock: deps.clock,
      connection: deps.connection,
      sessionOf: (clientId) => this.#tunnels.get(clientId),
      read: (session) => this.read(session),
      look: () => this.#mark.look(),
      isRefused: () => this.#renewals.refusal !== '',
    });
    deps.connection.listen(noticeChannel, (bytes) => this.#noticed(bytes));
    deps.connection.onConnected(() => this.#renewals.run());
    deps.connection.onRefused(() => this.#renewals.doubt());
  }

  find(clientId: string): SessionRecord | undefined | Promise<SessionRecord | undefined> {
    return this.#held.find(clientId) ?? this.#lookups.find(clientId);
  }

  async claim(record: SessionRecord, clientIds: readonly string[]): Promise<readonly Loss[]> {
    const { session } = record;
    const isNew = !this.#held.get(session);
    const noticeCount = this.#noticeCount;
    try {
      await this.#sessions.take(session, JSON.stringify(record));
      const previous = await Promise.all(clientIds.map((clientId) => this.#take(clientId, record)));
      this.#tell(session, clientIds);
      this.#checkSince(noticeCount, session);
      return await this.#losses(record, clientIds, previous);
    } catch (error) {
      // What was noted in part must not lead visitors here.
      if (isNew) {
        this.#held.delete(session);
        this.#drop(record).catch(() => undefined);
      }
      throw error;
    }
  }

  async release(clientId: string, session: string): Promise<void> {
    this.#held.take(clientId, session);
    await this.#tunnels.drop(clientId, session);
    this.#tell(session, [clientId]);
  }

  async read(session: string): Promise<SessionRecord | undefined> {
    return readRecord(await this.#textOf(session));
  }

  async move(session: string, epoch: number, node: NodeId): Promise<SessionRecord | undefined> {
    const text = await this.#textOf(session);
    const record = readRecord(text);
    if (text === null || record?.epoch !== epoch) return undefined;
    const moved = { ...record, node, epoch: epoch + 1 };
    const noticeCount = this.#noticeCount;
    if (!(await this.#sessions.replace(session, text, JSON.stringify(moved)))) return undefined;
    const isNew = !this.#held.get(session);
    this.#held.delete(session);
    if (node === this.#node) {
      this.#held.set(moved);
      try {
        await this.#keepClaims(moved);
      } catch (error) {
        // Nobody here knows of it, and nobody would end it. Its agent comes again, or its lease runs out.
        if (isNew && this.#held.get(session) === moved) this.#held.delete(session);
        throw error;
      }
    }
    this.#tell(session, moved.clientIds);
    this.#checkSince(noticeCount, session);
    return moved;
  }

  async end(session: string, node: NodeId): Promise<void> {
    const held = this.#held.get(session);
    if (held?.node === node) this.#held.delete(session);
    const record = await this.read(session);
    if (record?.node !== node) return;
    await this.#drop(record);
    this.#tell(session, record.clientIds);
  }

  invalidate(session: string): void {
    this.#lookups.forget(session);
  }

  get isComplete(): boolean {
    return this.#lookups.isComplete;
  }

  get size(): number {
    return this.#held.size;
  }

  /** Leases of sessions, counted. */
  get leases(): Renewals['counts'] {
    return this.#renewals.counts;
  }

  get health(): BusHealth {
    const { isUp, reason } = this.#deps.connection;
    if (!isUp || this.#renewals.refusal === '') return { isUp, reason };
    return { isUp: false, reason: this.#refusal };
  }

  async close(): Promise<void> {
    this.#renewals.close();
    await this.#deps.connection.close();
  }

  get #refusal(): string {
    return `${this.#deps.connection.name} refuses what hubs note there: ${this.#renewals.refusal}`;
  }

  /** The record of a session as it stands there, which is put back first if it is held here and missing. */
  async #textOf(session: string): Promise<string | null> {
    const text = await this.#sessions.get(session);
    if (readRecord(text) || !this.#held.get(session)) return text;
    await this.#keepSession(session);
    return await this.#sessions.get(session);
  }

  /** Gives the session that had the id until now. */
  async #take(clientId: string, record: SessionRecord): Promise<string | null> {
    const { session } = record;
    const { previous, at } = await this.#tunnels.take(clientId, session, this.#deps.clock.wallMs());
    // In the order in which Redis decided, since this runs in the order of its replies.
    this.#held.set(record);
    this.#held.give(clientId, { session, at });
    return previous;
  }

  /** Holds the ids of a session that has come here: some may have gone to others meanwhile. */
  async #keepClaims({ session, clientIds }: SessionRecord): Promise<void> {
    const claims = await Promise.all(clientIds.map((clientId) => this.#tunnels.keep(clientId, session, 1)));
    for (const [i, clientId] of clientIds.entries()) {
      const at = claims[i];
      if (at !== undefined) this.#held.give(clientId, { session, at });
    }
  }

  async #losses(
    { session }: SessionRecord,
    clientIds: readonly string[],
    previous: readonly (string | null)[],
  ): Promise<Loss[]> {
    const losses: Loss[] = [];
    for (const [i, clientId] of clientIds.entries()) {
      const name = previous[i];
      if (!name || name === session) continue;
      const record = this.#held.get(name) ?? (await this.read(name));
      if (record) losses.push({ previous: record, clientId });
    }
    return losses;
  }

  /** Deletes what leads to a session, unless it has changed. */
  async #drop(record: SessionRecord): Promise<void> {
    const { session, clientIds } = record;
    if (!(await this.#sessions.drop(session, JSON.stringify(record)))) return;
    await Promise.all(clientIds.map((clientId) => this.#tunnels.drop(clientId, session)));
  }

  async #keepSession(session: string): Promise<void> {
    const record = this.#held.get(session);
    if (!record) return;
    const text = JSON.stringify(record);
    const other = await this.#sessions.keep(session, text);
    if (this.#held.get(session) !== record) return;
    const otherRecord = readRecord(other);
    if (otherRecord && isLater(otherRecord, record)) {
      this.#held.delete(session);
      return;
    }
    // Redis has come back with what it had some time ago, or somebody else has written there.
    if (other !== null) await this.#sessions.replace(session, other, text);
    const own = record.clientIds.filter((clientId) => this.#held.find(clientId)?.session === session);
    await Promise.all(own.map((clientId) => this.#keepId(clientId, record)));
  }

  async #keepId(clientId: string, record: SessionRecord): Promise<void> {
    const at = await this.#tunnels.keep(clientId, record.session, this.#held.claimedAt(clientId));
    if (at === undefined && this.#held.take(clientId, record.session))
      this.#deps.onLost([{ previous: record, clientId }]);
  }

  #tell(session: string, clientIds: readonly string[]): void {
    const notice: Notice = { node: this.#node, session, clientIds };
    this.#lookups.forget(session, clientIds);
    // Whoever misses it finds out when what it remembers expires.
    this.#deps.connection.publish(noticeChannel, Buffer.from(JSON.stringify(notice))).catch(() => undefined);
  }

  #noticed(bytes: Buffer): void {
    const { node, session, clientIds } = JSON.parse(bytes.toString()) as Notice;
    if (node === this.#node) return;
    this.#noticeCount += 1;
    this.#lookups.forget(session, clientIds);
    const affected = new Set(this.#held.get(session) && [session]);
    for (const clientId of clientIds) {
      const held = this.#held.find(clientId);
      if (held) affected.add(held.session);
    }
    // The notice may be older than what is held here: Redis knows.
    for (const name of affected) this.#check(name);
  }

  /** A notice may have come before the reply to what it is about. */
  #checkSince(noticeCount: number, session: string): void {
    if (this.#noticeCount !== noticeCount) this.#check(session);
  }

  #check(session: string): void {
    // Else the next renewal does it.
    this.#keepSession(session).catch(() => undefined);
  }
}

/** Whether another hub holds the session by now: the epoch rises with each move. */
function isLater(other: SessionRecord, own: SessionRecord): boolean {
  return other.epoch > own.epoch || (other.epoch === own.epoch && other.node !== own.node);
}
