import type { Bus, BusHandler, BusHealth, NodeId } from './bus.ts';

const up: BusHealth = { isUp: true, reason: '' };

/** The buses of one process, which reach each other. A hub that stands alone has one to itself. */
export class MemoryNetwork {
  readonly #handlers = new Map<NodeId, BusHandler>();
  readonly #onError: (thrown: unknown) => void;

  /** `onError` is told what a handler threw. */
  constructor(onError: (thrown: unknown) => void) {
    this.#onError = onError;
  }

  /** The bus of one node. */
  bus(node: NodeId): Bus {
    let isClosed = false;
    return {
      start: async (handler) => {
        if (this.#handlers.has(node)) throw new Error(`node ${node} is on the bus already`);
        this.#handlers.set(node, handler);
      },
      // As over a network, a receiver never runs inside its sender's call.
      publish: (to, ...pieces) => {
        const message = Buffer.concat(pieces);
        if (!isClosed) setImmediate(() => this.#deliver(node, to, message));
      },
      isWritable: true,
      isConnected: true,
      health: up,
      close: async () => {
        if (isClosed) return;
        isClosed = true;
        this.#handlers.delete(node);
        for (const other of [...this.#handlers.keys()]) this.#tell(other, (handler) => handler.gone(node));
      },
    };
  }

  #deliver(from: NodeId, to: NodeId, message: Buffer): void {
    if (this.#handlers.has(to)) this.#tell(to, (handler) => handler.message(from, message));
    else this.#tell(from, (handler) => handler.gone(to));
  }

  #tell(node: NodeId, call: (handler: BusHandler) => void): void {
    const handler = this.#handlers.get(node);
    if (!handler) return;
    try {
      call(handler);
    } catch (thrown) {
      this.#onError(thrown);
    }
  }
}
