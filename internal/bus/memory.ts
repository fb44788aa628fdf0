import type { Bus, NodeId, Unsubscribe } from './bus.ts';

/** The bus inside one process. */
export class MemoryBus implements Bus {
  readonly #receivers = new Map<NodeId, { receive(message: Buffer): void }>();
  readonly #onError: (thrown: unknown) => void;
  #isClosed = false;

  /** `onError` is told what a receiver threw; the bus goes on. */
  constructor(onError: (thrown: unknown) => void) {
    this.#onError = onError;
  }

  async subscribe(node: NodeId, receive: (message: Buffer) => void): Promise<Unsubscribe> {
    this.#assertOpen();
    if (this.#receivers.has(node)) throw new Error(`node ${node} is subscribed already`);
    const subscription = { receive };
    this.#receivers.set(node, subscription);
    return async () => {
      if (this.#receivers.get(node) === subscription) this.#receivers.delete(node);
    };
  }

  async publish(node: NodeId, message: Uint8Array): Promise<boolean> {
    this.#assertOpen();
    if (!this.#receivers.has(node)) return false;
    const copy = Buffer.from(message);
    // As over a network, a receiver never runs inside its sender's call.
    setImmediate(() => this.#deliver(node, copy));
    return true;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#receivers.clear();
  }

  #deliver(node: NodeId, message: Buffer): void {
    try {
      this.#receivers.get(node)?.receive(message);
    } catch (thrown) {
      this.#onError(thrown);
    }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new Error('the bus is closed');
  }
}
