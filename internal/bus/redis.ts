import { type Clock, type Stop, within } from '#internal/core/clock';
import type { RedisConnection } from '#internal/core/redis';
import type { Bus, BusHandler, BusHealth, NodeId } from './bus.ts';
import { decodeBeat, decodeEnvelope, encodeEnvelopeHead, type PendingMessages } from './envelope.ts';
import { Gathering } from './gathering.ts';
import { beatMs, channelOf, channelOfAll, OwnBeat } from './own-beat.ts';
import { Peers, staleMs } from './peers.ts';
import type { BusStats } from './stats.ts';

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
  readonly #ownBeat: OwnBeat;
  /** What waits for the end of this turn, or for a node's heartbeat. */
  readonly #gathering = new Gathering((node, pending) => this.#flush(node, pending));
  /** The number of each node's last publish that was taken. */
  readonly #taken = new Map<NodeId, number>();
  #handler: BusHandler | undefined;
  /** Nodes after which Redis is about to be asked. */
  readonly #asked = new Set<NodeId>();
  #number = 0;
  /** Bytes that are on their way to Redis. */
  #unconfirmed = 0;
  #isWritable = true;
  #stopBeats: Stop | undefined;
  #onFirstBeat: () => void = () => undefined;
  #isClosed = false;

  constructor(node: NodeId, deps: RedisBusDeps) {
    this.#node = node;
    this.#deps = deps;
    const ownBeat = new OwnBeat(node, deps);
    this.#ownBeat = ownBeat;
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
      get lagMs() {
        return ownBeat.lagMs;
      },
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
    connection.onConnected(() => this.#ownBeat.soon());
    this.#stopBeats = clock.every(beatMs, () => this.#beat());
    this.#ownBeat.soon();
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
    return this.#deps.connection.takesMessages && this.#ownBeat.mayArrive;
  }

  get health(): BusHealth {
    return this.#ownBeat.health;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#gathering.flushAll();
    this.#isClosed = true;
    this.#stopBeats?.();
    const goodbye = new Promise<void>((resolve) => this.#ownBeat.goodbye(resolve));
    await within(this.#deps.clock, goodbyeMs, goodbye);
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
      connection.publish(channelOf(node), this.#ownBeat.emptyMessage()).then(
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
    if (from === this.#node) {
      this.#ownBeat.heardOnOwn();
      return;
    }
    // A Redis that was stopped and goes on delivers what nobody waits for any more; a Redis Cluster may repeat itself.
    const isFresh = this.#deps.clock.now() - stamp <= staleMs && number > (this.#taken.get(from) ?? 0);
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
      this.#ownBeat.soon();
      this.#gathering.flushSoon();
      this.#tryTo(() => this.#handler?.heard(node));
    }
  }

  #ownBeatHeard(stamp: number): void {
    this.#ownBeat.heardByAll(stamp);
    this.#peers.heardMyself();
    this.#onFirstBeat();
  }

  #gone(node: NodeId): void {
    this.#taken.delete(node);
    this.#drop(node);
    this.#tryTo(() => this.#handler?.gone(node));
  }

  #beat(): void {
    // Nothing is kept for when it can be reached.
    if (!this.#deps.connection.isUp) this.#gathering.flushAll();
    this.#ownBeat.beat();
  }

  #tryTo(action: () => void): void {
    try {
      action();
    } catch (thrown) {
      this.#deps.onError(thrown);
    }
  }
}
