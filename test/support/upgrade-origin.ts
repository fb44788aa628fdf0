import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type ClientOptions, type ServerOptions, WebSocket, WebSocketServer } from 'ws';
import { listening } from './listening.ts';
import type { Cleanup } from './processes.ts';

/** A request for an upgrade as the service got it. */
export interface Handshake {
  request: IncomingMessage;
  socket: Socket;
  /** What came right behind the head. */
  early: Buffer;
}

/** A way to a service: straight, or through a tunnel. */
export interface Way {
  port: number;
  host: string;
}

interface PairOptions {
  path?: string;
  protocols?: string[];
  client?: ClientOptions;
  server?: ServerOptions;
}

/** A service on a free port of 127.0.0.1 that upgrades, in the hands of a test. */
export class UpgradeOrigin {
  readonly port: number;
  readonly #waiting: Handshake[] = [];
  #wake: () => void = () => undefined;

  private constructor(server: http.Server, port: number) {
    this.port = port;
    server.on('upgrade', (request: IncomingMessage, socket: Socket, early: Buffer) => {
      socket.on('error', () => undefined); // Its close says so too.
      this.#waiting.push({ request, socket, early });
      this.#wake();
    });
  }

  /** Starts it. Requests that ask for no upgrade are answered with "no upgrade". */
  static async start(t: Cleanup): Promise<UpgradeOrigin> {
    const server = http.createServer((_, response) => response.end('no upgrade'));
    return new UpgradeOrigin(server, await listening(t, server));
  }

  /** The next request for an upgrade. */
  async next(): Promise<Handshake> {
    while (this.#waiting.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#waiting.shift() as Handshake;
  }

  /** Opens a websocket along a way, and gives both its ends. */
  async pair(t: Cleanup, { port, host }: Way, { path = '/', protocols = [], client, server }: PairOptions = {}) {
    const visitor = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, {
      ...client,
      headers: { Host: host, ...client?.headers },
    });
    t.after(() => visitor.terminate());
    visitor.on('error', () => undefined); // Its close says so too.
    const opened = once(visitor, 'open');
    const handshake = await this.next();
    const service = accept(handshake, server);
    t.after(() => service.terminate());
    await opened;
    return { visitor, service, handshake };
  }
}

/** Grants a websocket, and does `first` with it before anything leaves. */
export function accept(
  { request, socket, early }: Handshake,
  options: ServerOptions = {},
  first: (websocket: WebSocket) => void = () => undefined,
): WebSocket {
  const acceptor = new WebSocketServer({ ...options, noServer: true, clientTracking: false });
  let accepted: WebSocket | undefined;
  socket.cork();
  acceptor.handleUpgrade(request, socket, early, (websocket) => {
    accepted = websocket;
    websocket.on('error', () => undefined); // Its close says so too.
    first(websocket);
  });
  socket.uncork();
  if (!accepted) throw new Error('the library refused the handshake');
  return accepted;
}

/** Sends every message back as it came. */
export function echoAll(websocket: WebSocket): void {
  websocket.on('message', (data, binary) => websocket.send(data, { binary }));
}

/** The next messages, with whether each was binary. Rejects when the websocket closes before. */
export async function messages(websocket: WebSocket, count: number): Promise<{ data: Buffer; isBinary: boolean }[]> {
  const got: { data: Buffer; isBinary: boolean }[] = [];
  return await new Promise((resolve, reject) => {
    const closed = (code: number): void => reject(new Error(`closed with ${code} after ${got.length} messages`));
    const take = (data: Buffer, isBinary: boolean): void => {
      got.push({ data, isBinary });
      if (got.length < count) return;
      websocket.off('message', take).off('close', closed);
      resolve(got);
    };
    websocket.on('message', take).once('close', closed);
  });
}

/** How a websocket ends. */
export async function closeOf(websocket: WebSocket): Promise<[code: number, reason: string]> {
  const [code, reason] = (await once(websocket, 'close')) as [number, Buffer];
  return [code, reason.toString('utf8')];
}
