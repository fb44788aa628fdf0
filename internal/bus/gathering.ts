import type { NodeId } from './bus.ts';
import { PendingMessages } from './envelope.ts';

/** Bytes for one node that go at once: no more than whoever reads 64 KiB at a time has in one piece, if it can be. */
const publishBytes = 65_280;

/** What is to go to other nodes: what one turn of the event loop sends to a node goes together. */
export class Gathering {
  readonly #flush: (node: NodeId, pending: PendingMessages) => void;
  readonly #pending = new Map<NodeId, PendingMessages>();
  /** Bytes for all nodes. */
  byteCount = 0;
  #isFlushDue = false;

  /** `flush` sends what is gathered for a node, and takes it out; or leaves it there for later. */
  constructor(flush: (node: NodeId, pending: PendingMessages) => void) {
    this.#flush = flush;
  }

  /** Adds a message, given in pieces. */
  add(node: NodeId, message: readonly Buffer[]): void {
    const pending = this.#pending.get(node) ?? new PendingMessages();
    this.#pending.set(node, pending);
    this.byteCount += pending.add(message);
    if (pending.byteCount >= publishBytes) this.#flush(node, pending);
    else this.flushSoon();
  }

  /** Takes out what is gathered for a node. Gives how many messages that is. */
  take(node: NodeId): number {
    const { count, byteCount } = this.#pending.get(node) ?? { count: 0, byteCount: 0 };
    this.#pending.delete(node);
    this.byteCount -= byteCount;
    return count;
  }

  flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    setImmediate(() => {
      this.#isFlushDue = false;
      this.flushAll();
    });
  }

  flushAll(): void {
    for (const [node, pending] of this.#pending) this.#flush(node, pending);
  }
}
