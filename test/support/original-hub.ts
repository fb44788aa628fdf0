import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Document, DocumentSocket } from './document-socket.ts';
import type { Cleanup } from './processes.ts';

/** A hub as the original is one, whose every document the test writes itself. */
export interface OriginalHub {
  url: string;
  /** The next client that connects. */
  client(): Promise<DocumentSocket>;
}

/** Starts one on a free port of 127.0.0.1. With `grantsOffers` it is built on a library that grants any subprotocol. */
export async function startOriginalHub(t: Cleanup, { grantsOffers = false } = {}): Promise<OriginalHub> {
  const server = createServer();
  const acceptor = new WebSocketServer({
    server,
    path: '/proxy/subscribe',
    perMessageDeflate: false,
    // The original passes an offered subprotocol over; some servers grant whatever is offered.
    handleProtocols: (offered) => grantsOffers && ([...offered][0] ?? false),
  });
  const arrived: DocumentSocket[] = [];
  acceptor.on('connection', (websocket: WebSocket, request: IncomingMessage) => {
    // Whoever does not get what it offered hangs up, and dials again without.
    const isOffer = request.headers['sec-websocket-protocol'] !== undefined;
    if (!isOffer || grantsOffers) arrived.push(new DocumentSocket(websocket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const websocket of acceptor.clients) websocket.terminate();
    server.close();
  });
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    async client() {
      while (arrived.length === 0) await once(acceptor, 'connection');
      return arrived.shift() as DocumentSocket;
    },
  };
}

/** Takes a client's registration and grants it a hostname. Gives the request. */
export async function grant(client: DocumentSocket, hostname: string): Promise<Document> {
  const request = await client.next('registration-request');
  client.send('registration-response', { '@id': request['@id'], keyID: 'a'.repeat(52), hostname });
  return request;
}
