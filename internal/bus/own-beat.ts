import type { Clock } from '#internal/core/clock';
import { messageOf } from '#internal/core/errors';
import type { RedisConnection } from '#internal/core/redis';
import { isRefusal } from '#internal/core/redis-complaint';
import type { BusHealth, NodeId } from './bus.ts';
import { encodeBeat, encodeEnvelopeHead } from './envelope.ts';
import { staleMs } from './peers.ts';

export const beatMs = 500;
/** Without a heartbeat of our own for this long the bus counts as down. */
const deafMs = 2_000;
/** With heartbeats that take longer to come back, messages may be too old when they arrive: those know of an older one. */
const lagMax = (staleMs - beatMs) / 2;

export const channelOfAll = 'adit:hubs';
const channelOfNobody = 'adit:nobody';
export const channelOf = (node: NodeId): string => `adit:node:${node}`;

export interface OwnBeatDeps {
  clock: Clock;
  connection: RedisConnection;
}

/**
 * What a hub publishes to hear that it is heard: heartbeats on the channel of all, and empty messages on its own. It says
 * to be there as long as both come back.
 */
export class OwnBeat {
  /** How long the last heartbeat took to come back. */
  lagMs = 0;
  readonly #node: NodeId;
  readonly #deps: OwnBeatDeps;
  /** When our heartbeat came back on the channel of all, and an empty message on our own. */
  #heardAt = { all: Number.NEGATIVE_INFINITY, own: Number.NEGATIVE_INFINITY };
  #connectionSince: number;
  /** Why the last heartbeat could not be sent. */
  #problem: Error | undefined;
  #isDue = false;
  #isStopped = false;

  constructor(node: NodeId, deps: OwnBeatDeps) {
    this.#node = node;
    this.#deps = deps;
    this.#connectionSince = deps.clock.now();
  }

  /** Whether what is published now may arrive: early enough to be taken, and Redis has not said that it would not. */
  get mayArrive(): boolean {
    return this.#isTimely && (this.#isHeard || !this.#isRefused);
  }

  get health(): BusHealth {
    const { connection } = this.#deps;
    if (!connection.isUp) return { isUp: false, reason: connection.reason };
    if (this.#isHeard && !this.#isTimely) {
      const reason = `${connection.name} takes ${(this.lagMs / 1_000).toFixed(1)} s to bring back what is published`;
      return { isUp: false, reason: `${reason}: messages between hubs arrive too late` };
    }
    if (this.#isHeard) return { isUp: true, reason: '' };
    const complaint = this.#complaint;
    return {
      isUp: false,
      reason: `${connection.name} does not bring back what is published${complaint && `: ${complaint}`}`,
    };
  }

  get #isTimely(): boolean {
    return this.lagMs <= lagMax;
  }

  get #isHeard(): boolean {
    return this.#deps.clock.now() - this.#lastHeardAt() <= deafMs;
  }

  get #isRefused(): boolean {
    return isRefusal(this.#problem) || this.#deps.connection.isRefused;
  }

  /** Why nothing may come back. Empty if nobody says. */
  get #complaint(): string {
    return this.#problem ? messageOf(this.#problem) : this.#deps.connection.lastError;
  }

  /** Our heartbeat came back, which was sent at `stamp`. */
  heardByAll(stamp: number): void {
    const now = this.#deps.clock.now();
    this.#heardAt.all = now;
    this.#deps.connection.proved();
    this.lagMs = now - stamp;
    this.#problem = undefined;
  }

  /** Our empty message came back. */
  heardOnOwn(): void {
    if (!this.#hearsItself()) this.soon();
    this.#heardAt.own = this.#deps.clock.now();
  }

  /** Says to be there before the next heartbeat is due. */
  soon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      if (!this.#isStopped) this.beat();
    });
  }

  beat(): void {
    const { clock, connection } = this.#deps;
    const now = clock.now();
    if (!connection.isUp) {
      this.#connectionSince = now;
      return;
    }
    if (now - Math.max(this.#lastHeardAt(), this.#connectionSince) > staleMs) {
      this.#connectionSince = now;
      connection.reset(this.#complaint || 'it did not answer');
      return;
    }
    // The way of messages, and back to us.
    connection.send(channelOf(this.#node), [this.emptyMessage()], () => undefined);
    // Who says to be there must hear what is sent to it. Else it is only asked whether publishing is allowed.
    const [channel, bytes] = this.#hearsItself()
      ? [channelOfAll, this.#newBeat('here')]
      : [channelOfNobody, Buffer.alloc(0)];
    connection.publish(channel, bytes).catch((error: Error) => {
      // Of a connection that was lost there is more to be told.
      if (connection.isUp) this.#problem = error;
    });
  }

  /** Says to be there no more, behind all else that was sent: of a node that has left nothing more is taken. */
  goodbye(sent: () => void): void {
    this.#isStopped = true;
    this.#deps.connection.send(channelOfAll, [this.#newBeat('goodbye')], sent);
  }

  /** What only shows that a node is there: its number is one that nobody takes. */
  emptyMessage(): Buffer {
    return encodeEnvelopeHead({ from: this.#node, number: 0, stamp: this.#deps.clock.now() });
  }

  #hearsItself(): boolean {
    return this.#heardAt.own >= this.#connectionSince;
  }

  #lastHeardAt(): number {
    return Math.min(this.#heardAt.all, this.#heardAt.own);
  }

  #newBeat(kind: 'here' | 'goodbye'): Buffer {
    return encodeBeat({ kind, node: this.#node, stamp: this.#deps.clock.now() });
  }
}
