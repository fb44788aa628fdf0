import type { NodeId } from './bus.ts';
import { PendingMessages } from './envelope.ts';

/** Bytes for one node that go at once. */
const publishBytes = 262_144;
/** Bytes that need not wait for more. */
const enoughBytes = 16_384;
/** So many turns of the event loop are waited for at most. */
const maxTurns = 5;

/**
 * What is to go to other nodes. Small messages come in quick succession, and each publish wakes two programs: so they are
 * gathered as long as each turn of the event loop brings more of them, for a few turns.
 */
export class Gathering {
  readonly #flush: (node: NodeId, pending: PendingMessages) => void;
  readonly #pending = new Map<NodeId, PendingMessages>();
  #byteCount = 0;
  /** What there was at the end of the turn before. */
  #seenBytes = 0;
  #turnCount = 0;
  #isFlushDue = false;

  /** `flush` sends what is gathered for a node, and takes it out; or leaves it there for later. */
  constructor(flush: (node: NodeId, pending: PendingMessages) => void) {
    this.#flush = flush;
  }

  /** Adds a message, given in pieces. Gives how many bytes it takes. */
  add(node: NodeId, message: readonly Buffer[]): number {
    const pending = this.#pending.get(node) ?? new PendingMessages();
    this.#pending.set(node, pending);
    const byteCount = pending.add(message);
    this.#byteCount += byteCount;
    if (pending.byteCount >= publishBytes) this.#flush(node, pending);
    else this.flushSoon();
    return byteCount;
  }

  /** Takes out what is gathered for a node. Gives how many bytes that is. */
  take(node: NodeId): number {
    const byteCount = this.#pending.get(node)?.byteCount ?? 0;
    this.#pending.delete(node);
    this.#byteCount -= byteCount;
    return byteCount;
  }

  flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    this.#seenBytes = 0;
    this.#turnCount = 0;
    setImmediate(this.#turn);
  }

  flushAll(): void {
    for (const [node, pending] of this.#pending) this.#flush(node, pending);
  }

  readonly #turn = (): void => {
    this.#turnCount += 1;
    const hasGrown = this.#byteCount > this.#seenBytes;
    this.#seenBytes = this.#byteCount;
    if (hasGrown && this.#byteCount < enoughBytes && this.#turnCount < maxTurns) {
      setImmediate(this.#turn);
      return;
    }
    this.#isFlushDue = false;
    this.flushAll();
  };
}
