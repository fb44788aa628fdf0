import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Cleanup } from './processes.ts';
import type { Target } from './visitor-loop.ts';

/** A visitor's websocket that sends numbered messages, and holds the origin's echo to their order. */
export class NumberedWebSocket {
  readonly websocket: WebSocket;
  sentCount = 0;
  echoedCount = 0;
  /** The first message that was lost, doubled or out of order, or how the websocket ended. */
  fault: string | undefined;
  /** How it was closed. */
  readonly closed: Promise<number>;
  #timer: NodeJS.Timeout | undefined;
  #wake: () => void = () => undefined;

  private constructor(websocket: WebSocket) {
    this.websocket = websocket;
    websocket.on('error', () => undefined); // Its close says so too.
    websocket.on('message', (data: Buffer) => this.#take(data.toString('latin1')));
    this.closed = new Promise((resolve) => {
      websocket.once('close', (code: number) => {
        clearInterval(this.#timer);
        this.fault ??= `closed with ${code} after ${this.echoedCount} echoes`;
        this.#wake();
        resolve(code);
      });
    });
  }

  /** Opens it, and sends a message each so many milliseconds. */
  static async start(t: Cleanup, { port, host }: Target, everyMs: number): Promise<NumberedWebSocket> {
    const websocket = new WebSocket(`ws://127.0.0.1:${port}/echo`, {
      headers: { Host: host },
      perMessageDeflate: false,
    });
    const numbered = new NumberedWebSocket(websocket);
    t.after(() => websocket.terminate());
    await once(websocket, 'open');
    numbered.#timer = setInterval(() => numbered.#send(), everyMs);
    return numbered;
  }

  /** Sends no more, waits for the last echo and closes. Throws when a message was lost, doubled or out of order. */
  async finish(): Promise<void> {
    clearInterval(this.#timer);
    while (this.echoedCount < this.sentCount && this.fault === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.fault !== undefined) throw new Error(this.fault);
    this.websocket.close(1000);
    await this.closed;
  }

  #send(): void {
    this.sentCount += 1;
    this.websocket.send(String(this.sentCount));
  }

  #take(text: string): void {
    this.echoedCount += 1;
    if (text !== String(this.echoedCount)) this.fault ??= `message ${text} came instead of ${this.echoedCount}`;
    this.#wake();
  }
}
