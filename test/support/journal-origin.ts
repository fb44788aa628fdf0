import { createHash } from 'node:crypto';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import { listening } from './listening.ts';
import type { Cleanup } from './processes.ts';
import { SeededBytes } from './seeded-bytes.ts';

/** By this field requests name themselves. */
export const idField = 'Test-Id';

export interface Entry {
  id: string;
  method: string;
  path: string;
  /** SHA-256 of the body, once it has come whole. */
  sha256: string;
  /** How the exchange ended here; undefined while it lasts. */
  end: 'answered' | 'aborted' | undefined;
}

/**
 * A service that keeps a journal of its requests:
 * `/bytes/<count>/<seed>` sends such a body, `/hash` answers with the SHA-256 of the one it got, `/after/<ms>` answers
 * late, `/die/<count>` breaks off after so many bytes, and websockets echo every message.
 */
export class JournalOrigin {
  port = 0;
  readonly entries: Entry[] = [];
  #websocketCount = 0;
  readonly #waiting = new Set<() => void>();

  private constructor() {}

  static async start(t: Cleanup, keepAliveTimeout = 60_000): Promise<JournalOrigin> {
    const origin = new JournalOrigin();
    const server = http.createServer({ keepAliveTimeout }, (request, response) => {
      origin.#serve(request, response);
    });
    new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (websocket) => {
      origin.#websocketCount += 1;
      websocket.on('error', () => undefined); // Its close says so too.
      websocket.once('close', () => {
        origin.#websocketCount -= 1;
        origin.#wake();
      });
      websocket.on('message', (data, binary) => websocket.send(data, { binary }));
    });
    origin.port = await listening(t, server);
    return origin;
  }

  /** The ids of requests that came more than once and must not. */
  get repeatedPosts(): string[] {
    const seen = new Set<string>();
    const posts = this.entries.filter(({ method }) => method === 'POST');
    return posts.map(({ id }) => id).filter((id) => seen.has(id) || !seen.add(id));
  }

  /** Exchanges and websockets that have not ended. */
  get openCount(): number {
    return this.#websocketCount + this.entries.filter(({ end }) => end === undefined).length;
  }

  /** Waits for a request by its path, and gives it as soon as `isThere` says so. */
  async entry(path: string, isThere: (entry: Entry) => boolean = () => true): Promise<Entry> {
    for (;;) {
      const entry = this.entries.find((candidate) => candidate.path === path && isThere(candidate));
      if (entry) return entry;
      await this.#change();
    }
  }

  /** Waits until nothing is under way. */
  async idle(): Promise<void> {
    while (this.openCount > 0) await this.#change();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '', headers } = request;
    const entry: Entry = {
      id: String(headers[idField.toLowerCase()] ?? ''),
      method,
      path: url,
      sha256: '',
      end: undefined,
    };
    this.entries.push(entry);
    const hash = createHash('sha256');
    request.on('error', () => undefined); // The response's close says so too.
    request.on('data', (chunk: Buffer) => hash.update(chunk));
    request.once('end', () => {
      entry.sha256 = hash.digest('hex');
      void this.#answer(entry, response);
    });
    response.once('close', () => {
      entry.end = response.writableFinished ? 'answered' : 'aborted';
      this.#wake();
    });
    this.#wake();
  }

  async #answer({ path, sha256 }: Entry, response: ServerResponse): Promise<void> {
    const [, what, first = '0', second = '0'] = path.split('/');
    const [number, seed] = [Number(first), Number(second)];
    if (what === 'bytes') sendBytes(response, number, new SeededBytes(seed), number);
    else if (what === 'die') sendBytes(response, number * 2, new SeededBytes(seed), number);
    else {
      if (what === 'after') await setTimeout(number, undefined, { ref: false });
      response.end(sha256);
    }
  }

  async #change(): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** Announces `length` bytes and sends no more than `count` of them, no faster than they are taken. */
function sendBytes(response: ServerResponse, length: number, bytes: SeededBytes, count: number): void {
  response.setHeader('Content-Length', length);
  let at = 0;
  const go = (): void => {
    while (at < count && !response.destroyed) {
      const piece = bytes.piece(at, count - at);
      at += piece.length;
      if (!response.write(piece)) {
        response.once('drain', go);
        return;
      }
    }
    if (count === length) response.end();
    // What was written leaves first.
    else response.write('', () => response.destroy());
  };
  go();
}
