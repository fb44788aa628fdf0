import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { startOrigin } from '../support/origin.ts';
import { startAgent, startTunnel } from '../support/processes.ts';
import { visit } from '../support/visit.ts';

const origin = await startOrigin({ after }, (_request, response) => {
  response.writeHead(200, { 'Adit-Anything': 'x', 'Adit-Error': 'ADIT_UNHEARD_OF', 'X-Own': 'kept' }).end('fine');
});
const { hub, port, host } = await startTunnel({ after }, origin.port);
const unserved = `${'a'.repeat(51)}q.localhost:${port}`;

/** A port of 127.0.0.1 on which each connection is handed to `serve`. */
async function listen(t: { after(undo: () => void): void }, serve: (socket: Socket) => void): Promise<number> {
  const server = createServer(serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as { port: number }).port;
}

async function publish(t: { after(undo: () => unknown): void }, originPort: number): Promise<string> {
  const agent = await startAgent(t, ['--hub', hub.url, `127.0.0.1:${originPort}`]);
  return `${agent.hostname}:${port}`;
}

test('a program is told of an error in JSON', async () => {
  const { status, headers, text } = await visit({ port, host: unserved });
  assert.equal(status, 502);
  assert.equal(headers['content-type'], 'application/json');
  assert.equal(headers['cache-control'], 'no-store');
  assert.equal(headers['adit-error'], 'ADIT_TUNNEL_OFFLINE');
  assert.ok(Number(headers['retry-after']) > 0);
  const { error } = JSON.parse(text) as { error: Record<string, string> };
  assert.equal(error['code'], 'ADIT_TUNNEL_OFFLINE');
  assert.equal(error['leg'], 'agent');
  assert.match(error['requestId'] ?? '', /^[0-9a-f-]{36}$/);
});

test('a browser is told of an error on a page that can run nothing', async () => {
  const headers = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
  const answer = await visit({ port, host: unserved, headers });
  assert.equal(answer.status, 502);
  assert.equal(answer.headers['content-type'], 'text/html; charset=utf-8');
  assert.equal(answer.headers['content-security-policy'], "default-src 'none'; style-src 'unsafe-inline'");
  assert.match(answer.text, /^<!doctype html>/);
  assert.match(answer.text, /ADIT_TUNNEL_OFFLINE/);
  assert.doesNotMatch(answer.text, /<script|https?:\/\//);
});

test('what a visitor wrote is not repeated as markup', async () => {
  const headers = { Accept: 'text/html' };
  const answer = await visit({ port, host: unserved, path: '/%3Cscript%3E?<script>alert(1)</script>', headers });
  assert.ok(answer.status >= 400);
  assert.doesNotMatch(answer.text, /<script/i);
});

test('a service that breaks off within the head of its answer is a 502', async (t) => {
  const cut = (socket: Socket): void => void socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Le'));
  const { status, headers } = await visit({ port, host: await publish(t, await listen(t, cut)) });
  assert.equal(status, 502);
  assert.equal(headers['adit-error'], 'ADIT_ORIGIN_FAILED');
});

test('an answer that breaks off within its body looks cut to the visitor', async (t) => {
  for (const framing of ['Content-Length: 100\r\n\r\nonly this', 'Transfer-Encoding: chunked\r\n\r\n9\r\nonly this']) {
    const cut = (socket: Socket): void => void socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\n${framing}`));
    const asked = await publish(t, await listen(t, cut));
    await assert.rejects(visit({ port, host: asked }), { code: 'ECONNRESET' });
  }
});

test('a service that does not speak HTTP is a 502', async (t) => {
  const asked = await publish(t, await listen(t, (socket) => socket.end('220 mail.test ready\r\n')));
  const { status, headers } = await visit({ port, host: asked });
  assert.equal(status, 502);
  assert.equal(headers['adit-error'], 'ADIT_ORIGIN_FAILED');
});

test('fields by which a service would speak for the hub are stripped, and its other ones are not', async () => {
  const { status, headers, text } = await visit({ port, host });
  assert.deepEqual([status, text], [200, 'fine']);
  assert.equal(headers['adit-error'], undefined);
  assert.equal(headers['adit-anything'], undefined);
  assert.equal(headers['x-own'], 'kept');
});
