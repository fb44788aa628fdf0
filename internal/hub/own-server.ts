import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { TurnQueue } from '#internal/core/turn-queue';
import { limits } from '#messages/limits';

/** The hub's own side. */
export interface OwnSide {
  request: RequestListener;
  /** A websocket for the hub itself. */
  upgrade(request: IncomingMessage, socket: Duplex, early: Buffer): void;
}

/**
 * Serves the hub's own side on connections that the public listener hands over. It listens as well, where nobody else
 * can reach it: a server of Node's that does not listen has no deadlines.
 */
export class OwnServer {
  readonly #server;
  readonly #turns: TurnQueue;

  constructor({ request, upgrade }: OwnSide, turns: TurnQueue) {
    this.#turns = turns;
    this.#server = createServer({ headersTimeout: 10_000, maxHeaderSize: 2 * limits.requestHead, noDelay: true });
    // Beyond its count Node drops fields without a word; the edge has counted them.
    this.#server.maxHeadersCount = 0;
    this.#server.on('request', request);
    this.#server.on('upgrade', upgrade);
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      // A request behind the last one of a connection takes nothing from the answer to that, which ends it.
      if (error.code !== 'HPE_CLOSED_CONNECTION') socket.destroy();
    });
  }

  /** Starts to serve. Rejects when there is no place to listen. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      const listening = (): void => {
        this.#server.off('error', reject);
        resolve();
      };
      if (process.platform === 'win32') {
        this.#server.listen(0, '127.0.0.1', listening);
        return;
      }
      const folder = mkdtempSync(join(tmpdir(), 'adit-own-'));
      const path = join(folder, 'http.sock');
      this.#server.listen(path, () => {
        chmodSync(path, 0o600);
        // Nobody is to connect there, and a hub that is killed leaves nothing behind.
        rmSync(folder, { recursive: true });
        listening();
      });
    });
  }

  /** Takes a connection over, beginning with bytes that were read from it. */
  take(socket: Socket, bytes: Buffer): void {
    this.#turns.add(() => {
      socket.unshift(bytes);
      this.#server.emit('connection', socket);
      socket.resume();
    });
  }

  /** Takes no more, and closes connections that wait. */
  close(): void {
    this.#server.close();
    this.#server.closeIdleConnections();
  }
}
