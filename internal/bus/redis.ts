import type { Clock, Stop } from '#internal/core/clock';
import { messageOf } from '#internal/core/errors';
import type { RedisConnection } from '#internal/core/redis';
import type { Bus, BusHandler, BusHealth, NodeId } from './bus.ts';
import { decodeBeat, decodeEnvelope, encodeBeat, encodeEnvelopeHead, PendingMessages } from './envelope.ts';
import { Peers } from './peers.ts';
import type { BusStats } from './stats.ts';

const beatMs = 500;
/** Without a heartbeat of our own for this long the bus counts as down. */
const deafMs = 2_000;
/** A message that was sent longer ago than this is not delivered; connections that carry nothing for it are given up. */
const staleMs = 5_000;
/** Bytes that are on their way to Redis from which on others wait, and at which they go on. */
const highWater = 8 * 1_048_576;
const lowWater = 4 * 1_048_576;
/** Bytes gathered into one publish, unless one message is longer. */
const publishBytes = 262_144;
const goodbyeMs = 500;

const channelOfAll = 'adit:hubs';
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
  /** What waits for the end of this turn, or for a node's first heartbeat. */
  readonly #pending = new Map<NodeId, PendingMessages>();
  /** The number of each node's last publish that was taken. */
  readonly #taken = new Map<NodeId, number>();
  #handler: BusHandler | undefined;
  #number = 0;
  #isFlushDue = false;
  #isBeatDue = false;
  /** Bytes that wait here or are on their way to Redis. */
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
    await new Promise<void>((resolve) => {
      const stop = clock.after(2 * beatMs, resolve);
      this.#onFirstBeat = () => {
        stop();
        resolve();
      };
    });
  }

  publish(to: NodeId, ...pieces: Buffer[]): void {
    if (this.#isClosed) return;
    this.stats.published += 1;
    if (to === this.#node) {
      setImmediate(() => this.#deliver(to, Buffer.concat(pieces)));
      return;
    }
    const pending = this.#pending.get(to) ?? new PendingMessages();
    this.#pending.set(to, pending);
    this.#count(pending.add(pieces));
    if (pending.byteCount >= publishBytes) this.#flush(to, pending);
    else this.#flushSoon();
  }

  get isWritable(): boolean {
    return this.#isWritable;
  }

  get isConnected(): boolean {
    return this.#deps.connection.takesCommands;
  }

  get health(): BusHealth {
    const { clock, connection } = this.#deps;
    if (!connection.isUp) return { isUp: false, reason: connection.reason };
    const silentMs = clock.now() - Math.min(this.#heardAt.all, this.#heardAt.own);
    if (silentMs <= deafMs) return { isUp: true, reason: '' };
    const problem = this.#problem || connection.lastError;
    return {
      isUp: false,
      reason: `${connection.name} does not bring back what is published${problem && `: ${problem}`}`,
    };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#flushAll();
    this.#isClosed = true;
    this.#stopBeats?.();
    const { clock, connection } = this.#deps;
    const goodbye = connection.publish(channelOfAll, this.#newBeat('goodbye')).then(
      () => undefined,
      () => undefined,
    );
    let stop: Stop = () => undefined;
    const late = new Promise<void>((resolve) => {
      stop = clock.after(goodbyeMs, resolve);
    });
    await Promise.race([goodbye, late]);
    stop();
  }

  #flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    setImmediate(() => {
      this.#isFlushDue = false;
      if (!this.#isClosed) this.#flushAll();
    });
  }

  #flushAll(): void {
    for (const [node, pending] of this.#pending) this.#flush(node, pending);
  }

  #flush(node: NodeId, pending: PendingMessages): void {
    if (this.#peers.hasLeft(node)) {
      this.#gone(node);
      return;
    }
    const { pieces, byteCount } = pending;
    const isUp = this.#deps.connection.takesCommands;
    const stamp = isUp ? this.#peers.stampOf(node) : undefined;
    // It goes with the node's first heartbeat.
    if (isUp && stamp === undefined) return;
    this.#pending.delete(node);
    if (stamp === undefined) {
      this.#count(-byteCount);
      return;
    }
    this.#number += 1;
    const head = encodeEnvelopeHead({ from: this.#node, number: this.#number, stamp });
    this.#deps.connection.publish(channelOf(node), head, ...pieces).then(
      (receiverCount) => {
        if (receiverCount === 0) this.#peers.unreached(node);
        this.#count(-byteCount);
      },
      () => this.#count(-byteCount),
    );
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
    else if (this.#peers.heard(node, stamp)) {
      // It does not know of us yet either.
      this.#beatSoon();
      this.#flushSoon();
    }
  }

  #ownBeatHeard(stamp: number): void {
    const now = this.#deps.clock.now();
    this.#heardAt.all = now;
    this.stats.lagMs = now - stamp;
    this.#problem = '';
    this.#peers.heardMyself();
    this.#onFirstBeat();
  }

  #gone(node: NodeId): void {
    this.#taken.delete(node);
    const pending = this.#pending.get(node);
    this.#pending.delete(node);
    if (pending) this.#count(-pending.byteCount);
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
      return;
    }
    const heardAt = Math.min(this.#heardAt.all, this.#heardAt.own);
    if (now - Math.max(heardAt, this.#connectionSince) > staleMs) {
      this.#connectionSince = now;
      connection.reset();
      return;
    }
    const echo = encodeEnvelopeHead({ from: this.#node, number: 0, stamp: now });
    for (const [channel, bytes] of [
      [channelOfAll, this.#newBeat('here')],
      [channelOf(this.#node), echo],
    ] as const) {
      connection.publish(channel, bytes).catch((error: unknown) => {
        this.#problem = messageOf(error);
      });
    }
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
