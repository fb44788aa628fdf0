import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { listening } from '../support/listening.ts';
import { startOrigin } from '../support/origin.ts';
import { startAgent, startTunnel } from '../support/processes.ts';
import { visit } from '../support/visit.ts';

const origin = await startOrigin({ after }, (_request, response) => response.end('fine'));
const { hub, port } = await startTunnel({ after }, origin.port);
const unserved = `${'a'.repeat(51)}q.localhost:${port}`;

async function publish(
  t: { after(undo: () => unknown): void },
  originPort: number,
  args: string[] = [],
): Promise<string> {
  const agent = await startAgent(t, [...args, '--hub', hub.url, `127.0.0.1:${originPort}`]);
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
  const { status, headers } = await visit({ port, host: await publish(t, await listening(t, createServer(cut))) });
  assert.equal(status, 502);
  assert.equal(headers['adit-error'], 'ADIT_ORIGIN_FAILED');
});

for (const framing of ['Content-Length: 100\r\n\r\nonly this', 'Transfer-Encoding: chunked\r\n\r\n9\r\nonly this']) {
  const cut = (socket: Socket): void => void socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\n${framing}`));
  const name = framing.startsWith('C') ? 'with a length' : 'in chunks';

  test(`an answer ${name} that breaks off within its body looks cut to the visitor`, async (t) => {
    const asked = await publish(t, await listening(t, createServer(cut)), ['--wire', 'v2']);
    await assert.rejects(visit({ port, host: asked }), { code: 'ECONNRESET' });
  });

  test(`an answer ${name} that breaks off within its body is a 502 on wire v1, which has read it first`, async (t) => {
    const asked = await publish(t, await listening(t, createServer(cut)), ['--wire', 'v1']);
    const { status, headers } = await visit({ port, host: asked });
    assert.deepEqual([status, headers['adit-error']], [502, 'ADIT_ORIGIN_FAILED']);
  });
}

test('a service that does not speak HTTP is a 502', async (t) => {
  const asked = await publish(
    t,
    await listening(
      t,
      createServer((socket) => socket.end('220 mail.test ready\r\n')),
    ),
  );
  const { status, headers } = await visit({ port, host: asked });
  assert.equal(status, 502);
  assert.equal(headers['adit-error'], 'ADIT_ORIGIN_FAILED');
});
