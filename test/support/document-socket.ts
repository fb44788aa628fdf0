import { randomUUID } from 'node:crypto';
import type { WebSocket } from 'ws';

export type Document = Record<string, unknown>;

const prefix = 'https://proxy.brickchain.com/v1/';

/** A websocket of wire v1 in the hands of a test: sends documents as it likes and waits for those that come. */
export class DocumentSocket {
  readonly websocket: WebSocket;
  /** How it ended. */
  readonly closed: Promise<{ code: number; reason: string }>;
  #unread: string[] = [];
  #isClosed = false;
  readonly #waiting = new Set<() => void>();

  constructor(websocket: WebSocket) {
    this.websocket = websocket;
    websocket.on('message', (data: Buffer) => {
      this.#unread.push(data.toString('utf8'));
      this.#wake();
    });
    websocket.on('error', () => undefined); // Its close says so too.
    this.closed = new Promise((resolve) => {
      websocket.once('close', (code: number, reason: Buffer) => {
        this.#isClosed = true;
        this.#wake();
        resolve({ code, reason: reason.toString('utf8') });
      });
    });
  }

  /** Sends a document and gives its id. */
  send(name: string, members: Document = {}): string {
    const id = String(members['@id'] ?? randomUUID());
    const common = { '@type': `${prefix}${name}.json`, '@timestamp': new Date().toISOString(), '@id': id };
    this.websocket.send(JSON.stringify({ ...common, ...members }));
    return id;
  }

  /** Takes the next document of a kind; others stay. Rejects when the websocket ends without one. */
  async next(name: string): Promise<Document> {
    const text = await this.#take((candidate) => candidate.includes(`"@type":"${prefix}${name}.json"`), name);
    return JSON.parse(text) as Document;
  }

  /** Takes the next message that is no document. */
  async bareText(): Promise<string> {
    return await this.#take((candidate) => !candidate.startsWith('{'), 'a bare text');
  }

  async #take(isWanted: (text: string) => boolean, what: string): Promise<string> {
    for (;;) {
      const at = this.#unread.findIndex(isWanted);
      if (at >= 0) return this.#unread.splice(at, 1)[0] as string;
      if (this.#isClosed) throw new Error(`the websocket ended before ${what}; unread: ${this.#unread.join('\n')}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** Bytes as a document holds them. */
export function base64(body: string | Buffer): string {
  return Buffer.from(body).toString('base64');
}
