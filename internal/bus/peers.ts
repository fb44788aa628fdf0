import type { Clock } from '#internal/core/clock';
import type { NodeId } from './bus.ts';

/** What was sent on knowledge of its receiver that is older than this is not delivered. */
export const staleMs = 5_000;
/** How long a node may be silent, in milliseconds, while we hear ourselves. */
const silenceMs = {
  /** One that was heard before. */
  known: 3_000,
  /** One that a publish did not reach. */
  unreached: 1_000,
  /** One that was never heard: it may be about to start. */
  unknown: 1_500,
};
/**
 * Hearing nothing of ourselves for this long is deafness, in which nobody else's silence means anything. Whoever was not
 * heard for so long may have missed something.
 */
const deafMs = 1_000;
/** Nodes remembered as having left. */
const leftCount = 1_000;

interface Peer {
  /** Its own clock when it was last heard; undefined before. */
  stamp: number | undefined;
  /** Since when it is silent, by our clock. */
  silentSince: number;
  /** How long it may be. */
  limitMs: number;
}

/** Who is there: judged by heartbeats, and only while our own are heard as well. */
export class Peers {
  readonly #clock: Clock;
  readonly #onGone: (node: NodeId) => void;
  readonly #peers = new Map<NodeId, Peer>();
  readonly #left = new Set<NodeId>();
  #heardMyselfAt = Number.NEGATIVE_INFINITY;
  #hearingSince = Number.NEGATIVE_INFINITY;

  /** `onGone` is told each node that has left or died. */
  constructor(clock: Clock, onGone: (node: NodeId) => void) {
    this.#clock = clock;
    this.#onGone = onGone;
  }

  /** A heartbeat of a node. True: it was not heard before, or has missed something, or may have. */
  heard(node: NodeId, stamp: number): boolean {
    if (this.#left.has(node)) return false;
    const now = this.#clock.now();
    const peer = this.#peers.get(node);
    this.#peers.set(node, { stamp, silentSince: now, limitMs: silenceMs.known });
    return peer?.limitMs !== silenceMs.known || now - peer.silentSince > deafMs;
  }

  /** Our own heartbeat came back: whoever is there has been heard as well. */
  heardMyself(): void {
    const now = this.#clock.now();
    if (now - this.#heardMyselfAt > deafMs) this.#hearingSince = now;
    this.#heardMyselfAt = now;
    for (const [node, { silentSince, limitMs }] of this.#peers) {
      if (now - Math.max(silentSince, this.#hearingSince) >= limitMs) this.#gone(node);
    }
  }

  /** The node has said goodbye. */
  left(node: NodeId): void {
    this.#left.add(node);
    if (this.#left.size > leftCount) this.#left.delete(this.#left.values().next().value as NodeId);
    this.#gone(node);
  }

  hasLeft(node: NodeId): boolean {
    return this.#left.has(node);
  }

  /** A publish reached nobody as this node. */
  unreached(node: NodeId): void {
    const peer = this.#peers.get(node);
    if (peer?.limitMs !== silenceMs.known) return;
    peer.silentSince = this.#clock.now();
    peer.limitMs = silenceMs.unreached;
  }

  /** The node's own clock when it was last heard. Undefined: it was not yet, or long ago, and is awaited. */
  stampOf(node: NodeId): number | undefined {
    const peer = this.#peers.get(node);
    const now = this.#clock.now();
    if (peer) return now - peer.silentSince > staleMs ? undefined : peer.stamp;
    this.#peers.set(node, { stamp: undefined, silentSince: now, limitMs: silenceMs.unknown });
    return undefined;
  }

  #gone(node: NodeId): void {
    if (this.#peers.delete(node)) this.#onGone(node);
  }
}
