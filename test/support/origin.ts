import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import type { Cleanup } from './processes.ts';

export interface TestOrigin {
  port: number;
  server: http.Server;
  /** Requests so far, as `METHOD target`. */
  journal: string[];
}

export type Handler = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

/** What the origin saw of a request. */
export interface Echo {
  method: string;
  url: string;
  headers: Record<string, string>;
  rawHeaders: string[];
  bodyLength: number;
}

/** Answers with what it was asked, as JSON; `/status/<n>` with that status. */
export const echo: Handler = (request, response, body) => {
  const status = Number(/^\/status\/(\d+)/.exec(request.url ?? '')?.[1] ?? 200);
  const { method = '', url = '', headers, rawHeaders } = request;
  response.statusCode = status;
  // Its length is then known, so that visitors of HTTP/1.0 can keep their connection, too.
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ method, url, headers, rawHeaders, bodyLength: body.length }));
};

/** A private service on a port of 127.0.0.1, a free one unless named. Its websockets echo every message. */
export async function startOrigin(t: Cleanup, handler: Handler = echo, onPort = 0): Promise<TestOrigin> {
  const journal: string[] = [];
  const server = http.createServer((request, response) => {
    journal.push(`${request.method} ${request.url}`);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => handler(request, response, Buffer.concat(chunks)));
  });
  // What passes is for the tunnel to say: Node 20 drops fields beyond 1,023, Node 26 refuses more than 1,000.
  server.maxHeadersCount = 0;
  new WebSocketServer({ server }).on('connection', (websocket) => {
    websocket.on('message', (data, binary) => websocket.send(data, { binary }));
  });
  server.listen(onPort, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, server, journal };
}

/** What {@link echo} answered. */
export function echoed({ text }: { text: string }): Echo {
  return JSON.parse(text) as Echo;
}
