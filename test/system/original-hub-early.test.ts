import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import { type WebSocket, WebSocketServer } from 'ws';
import { DocumentSocket } from '../support/document-socket.ts';
import { echoed, startOrigin } from '../support/origin.ts';
import { spawnAgent } from '../support/processes.ts';

test('a request right behind the registration is told the public host like every other one', async (t) => {
  const hostname = `${'a'.repeat(52)}.tunnel.test`;
  const server = createServer().listen(0, '127.0.0.1');
  const acceptor = new WebSocketServer({ server, perMessageDeflate: false });
  t.after(() => server.close());
  await once(server, 'listening');
  const origin = await startOrigin(t);
  spawnAgent(t, ['--hub', `http://localhost:${(server.address() as AddressInfo).port}`, String(origin.port)]);
  const [websocket, { socket }] = (await once(acceptor, 'connection')) as [WebSocket, { socket: Socket }];
  const client = new DocumentSocket(websocket);
  const { '@id': id } = await client.next('registration-request');
  // Both in one write, as the network may deliver them too.
  socket.cork();
  client.send('registration-response', { '@id': id, keyID: 'a'.repeat(52), hostname });
  client.send('http-request', { url: '/', headers: {}, method: 'GET', body: '' });
  socket.uncork();
  const answer = await client.next('http-response');
  const seen = echoed({ text: Buffer.from(String(answer['body']), 'base64').toString('utf8') });
  assert.equal(seen.headers['x-forwarded-host'], hostname);
});
