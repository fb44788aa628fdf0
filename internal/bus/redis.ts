import { type Clock, type Stop, within } from '#internal/core/clock';
import { messageOf } from '#internal/core/errors';
import type { RedisConnection } from '#internal/core/redis';
import type { Bus, BusHandler, BusHealth, NodeId } from './bus.ts';
import { decodeBeat, decodeEnvelope, encodeBeat, encodeEnvelopeHead, type PendingMessages } from './envelope.ts';
import { Gathering } from './gathering.ts';
import { Peers, staleMs } from './peers.ts';
import type { BusStats } from './stats.ts';

const beatMs = 500;
/** Without a heartbeat of our own for this long the bus counts as down. */
const deafMs = 2_000;
/** With heartbeats that take longer to come back, messages may be too old when they arrive: those know of an older one. */
const lagMax = (staleMs - beatMs) / 2;
/** Bytes that are on their way to Redis from which on others wait, and at which they go on. */
const highWater = 8 * 1_048_576;
const lowWater = 4 * 1_048_576;
/**
 * The same from which on messages are lost: those of agents are passed on by hubs that cannot have them wait. Lanes keep 2 MiB
 * under way on a short way, so it takes more than a hundred that are busy at once.
 */
const sendingMax = 256 * 1_048_576;
/** Bytes that wait for heartbeats of their nodes: of more, the oldest are lost. Agents may name nodes that never were. */
const waitingMax = 4 * 1_048_576;
const goodbyeMs = 500;
/** How long after something was sent to a node Redis is asked whether that is there. */
const askMs = 100;

const channelOfAll = 'adit:hubs';
const channelOfNobody = 'adit:nobody';
const channelOf = (node: NodeId): string => `adit:node:${node}`;

export interface RedisBusDeps {
  clock: Clock;
  /** Stays open when the bus closes. */
  connection: RedisConnection;
  /** Is told what a handler threw. */
  onError(thrown: unknown): void;
}

/**
 * The bus of hubs that share a Redis: a channel for each node, and one for the heartbeats of all. Messages that one turn
 * sends to a node are one publish. Nothing is kept for a Redis that cannot be reached.
 */
export class RedisBus implements Bus {
  readonly stats: BusStats;
  readonly #node: NodeId;
  readonly #deps: RedisBusDeps;
  readonly #peers: Peers;
  /** What waits for the end of this turn, or for a node's heartbeat. */
  readonly #gathering = new Gathering((node, pending) => this.#flush(node, pending));
  /** The number of each node's last publish that was taken. */
  readonly #taken = new Map<NodeId, number>();
  #handler: BusHandler | undefined;
  /** Nodes after which Redis is about to be asked. */
  readonly #asked = new Set<NodeId>();
  #number = 0;
  #isBeatDue = false;
  /** Bytes that are on their way to Redis. */
  #unconfirmed = 0;
  #isWritable = true;
  /** When our heartbeat came back on the channel of all, and an empty publish on our own. */
  #heardAt = { all: Number.NEGATIVE_INFINITY, own: Number.NEGATIVE_INFINITY };
  #connectionSince: number;
  /** Why the last heartbeat could not be sent. */
  #problem = '';
  #stopBeats: Stop | undefined;
  #onFirstBeat: () => void = () => undefined;
  #isClosed = false;

  constructor(node: NodeId, deps: RedisBusDeps) {
    this.#node = node;
    this.#deps = deps;
    this.#connectionSince = deps.clock.now();
    this.#peers = new Peers(deps.clock, (gone) => {
      this.stats.gone += 1;
      this.#gone(gone);
    });
    const { connection } = deps;
    this.stats = {
      published: 0,
      received: 0,
      dropped: 0,
      stale: 0,
      gone: 0,
      lagMs: 0,
      get reconnects() {
        return connection.lossCount;
      },
    };
  }

  /** Resolves once our own heartbeat was heard, or after a second: then `health` says why not. */
  async start(handler: BusHandler): Promise<void> {
    const { clock, connection } = this.#deps;
    this.#handler = handler;
    connection.listen(channelOfAll, (bytes) => this.#beatHeard(bytes));
    connection.listen(channelOf(this.#node), (bytes) => this.#receive(bytes));
    connection.onConnected(() => this.#beatSoon());
    this.#stopBeats = clock.every(beatMs, () => this.#beat());
    this.#beatSoon();
    const firstBeat = new Promise<void>((resolve) => {
      this.#onFirstBeat = resolve;
    });
    await within(clock, 2 * beatMs, firstBeat);
  }

  publish(to: NodeId, ...pieces: Buffer[]): void {
    if (this.#isClosed) return;
    this.stats.published += 1;
    if (to === this.#node) {
      setImmediate(() => this.#deliver(to, Buffer.concat(pieces)));
      return;
    }
    this.#gathering.add(to, pieces);
  }

  get isWritable(): boolean {
    return this.#isWritable;
  }

  get isConnected(): boolean {
    return this.#deps.connection.takesMessages && this.stats.lagMs <= lagMax;
  }

  get health(): BusHealth {
    const { clock, connection } = this.#deps;
    if (!connection.isUp) return { isUp: false, reason: connection.reason };
    const silentMs = clock.now() - Math.min(this.#heardAt.all, this.#heardAt.own);
    const { lagMs } = this.stats;
    if (silentMs <= deafMs && lagMs > lagMax) {
      const reason = `${connection.name} takes ${(lagMs / 1_000).toFixed(1)} s to bring back what is published`;
      return { isUp: false, reason: `${reason}: messages between hubs arrive too late` };
    }
    if (silentMs <= deafMs) return { isUp: true, reason: '' };
    const problem = this.#problem || connection.lastError;
    return {
      isUp: false,
      reason: `${connection.name} does not bring back what is published${problem && `: ${problem}`}`,
    };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#gathering.flushAll();
    this.#isClosed = true;
    this.#stopBeats?.();
    const { clock, connection } = this.#deps;
    // Behind all else that was sent: of a node that has left nothing more is taken.
    const goodbye = new Promise<void>((resolve) => {
      connection.send(channelOfAll, [this.#newBeat('goodbye')], resolve);
    });
    await within(clock, goodbyeMs, goodbye);
  }

  #flush(node: NodeId, { pieces, byteCount }: PendingMessages): void {
    if (this.#isClosed) return;
    if (this.#peers.hasLeft(node)) {
      this.#gone(node);
      return;
    }
    const { connection } = this.#deps;
    const isUp = connection.takesMessages;
    const stamp = isUp ? this.#peers.stampOf(node) : undefined;
    // It goes with the node's next heartbeat.
    if (isUp && stamp === undefined && this.#gathering.byteCount <= waitingMax) return;
    if (stamp === undefined || this.#unconfirmed >= sendingMax) {
      this.#drop(node);
      return;
    }
    this.#gathering.take(node);
    this.#number += 1;
    const head = encodeEnvelopeHead({ from: this.#node, number: this.#number, stamp });
    this.#count(byteCount);
    connection.send(channelOf(node), [head, ...pieces], () => this.#count(-byteCount));
    this.#askSoon(node);
  }

  #drop(node: NodeId): void {
    this.stats.dropped += this.#gathering.take(node);
  }

  /** Nobody says whether what was sent has reached a node, so whether anything would is asked a moment later. */
  #askSoon(node: NodeId): void {
    if (this.#asked.has(node)) return;
    this.#asked.add(node);
    const { clock, connection } = this.#deps;
    clock.after(askMs, () => {
      this.#asked.delete(node);
      if (this.#isClosed) return;
      connection.publish(channelOf(node), this.#emptyEnvelope()).then(
        (receiverCount) => {
          if (receiverCount === 0) this.#peers.unreached(node);
        },
        () => undefined,
      );
    });
  }

  #count(bytes: number): void {
    this.#unconfirmed += bytes;
    if (this.#isWritable) this.#isWritable = this.#unconfirmed < highWater;
    else if (this.#unconfirmed <= lowWater) {
      this.#isWritable = true;
      this.#tryTo(() => this.#handler?.writable());
    }
  }

  #receive(bytes: Buffer): void {
    if (this.#isClosed) return;
    const { from, number, stamp, messages } = decodeEnvelope(bytes);
    const now = this.#deps.clock.now();
    if (from === this.#node) {
      if (this.#heardAt.own < this.#connectionSince) this.#beatSoon();
      this.#heardAt.own = now;
      return;
    }
    // A Redis that was stopped and goes on delivers what nobody waits for any more; a Redis Cluster may repeat itself.
    const isFresh = now - stamp <= staleMs && number > (this.#taken.get(from) ?? 0);
    if (!isFresh || this.#peers.hasLeft(from)) {
      this.stats.stale += messages.length;
      return;
    }
    this.#taken.set(from, number);
    for (const message of messages) this.#deliver(from, message);
  }

  #deliver(from: NodeId, message: Buffer): void {
    if (this.#isClosed) return;
    this.stats.received += 1;
    this.#tryTo(() => this.#handler?.message(from, message));
  }

  #beatHeard(bytes: Buffer): void {
    if (this.#isClosed) return;
    const { kind, node, stamp } = decodeBeat(bytes);
    if (node === this.#node) this.#ownBeatHeard(stamp);
    else if (kind === 'goodbye') this.#peers.left(node);
    else if (this.#deps.connection.isUp && this.#peers.heard(node, stamp)) {
      // It does not know of us yet either.
      this.#beatSoon();
      this.#gathering.flushSoon();
      this.#tryTo(() => this.#handler?.heard(node));
    }
  }

  #ownBeatHeard(stamp: number): void {
    const now = this.#deps.clock.now();
    this.#heardAt.all = now;
    this.#deps.connection.proved();
    this.stats.lagMs = now - stamp;
    this.#problem = '';
    this.#peers.heardMyself();
    this.#onFirstBeat();
  }

  #gone(node: NodeId): void {
    this.#taken.delete(node);
    this.#drop(node);
    this.#tryTo(() => this.#handler?.gone(node));
  }

  #beatSoon(): void {
    if (this.#isBeatDue) return;
    this.#isBeatDue = true;
    setImmediate(() => {
      this.#isBeatDue = false;
      if (!this.#isClosed) this.#beat();
    });
  }

  #beat(): void {
    const { clock, connection } = this.#deps;
    const now = clock.now();
    if (!connection.isUp) {
      this.#connectionSince = now;
      this.#gathering.flushAll();
      return;
    }
    const heardAt = Math.min(this.#heardAt.all, this.#heardAt.own);
    if (now - Math.max(heardAt, this.#connectionSince) > staleMs) {
      this.#connectionSince = now;
      connection.reset(this.#problem || connection.lastError || 'it did not answer');
      return;
    }
    // The way of messages, and back to us.
    connection.send(channelOf(this.#node), [this.#emptyEnvelope()], () => undefined);
    // Who says to be there must hear what is sent to it. Else it is only asked whether publishing is allowed.
    const hearsItself = this.#heardAt.own >= this.#connectionSince;
    const [channel, bytes] = hearsItself ? [channelOfAll, this.#newBeat('here')] : [channelOfNobody, Buffer.alloc(0)];
    connection.publish(channel, bytes).catch((error: unknown) => {
      // Of a connection that was lost there is more to be told.
      if (connection.isUp) this.#problem = messageOf(error);
    });
  }

  /** Its number is one that nobody takes. */
  #emptyEnvelope(): Buffer {
    return encodeEnvelopeHead({ from: this.#node, number: 0, stamp: this.#deps.clock.now() });
  }

  #newBeat(kind: 'here' | 'goodbye'): Buffer {
    return encodeBeat({ kind, node: this.#node, stamp: this.#deps.clock.now() });
  }

  #tryTo(action: () => void): void {
    try {
      action();
    } catch (thrown) {
      this.#deps.onError(thrown);
    }
  }
}
