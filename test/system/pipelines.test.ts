import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { echo, startOrigin } from '../support/origin.ts';
import { startAgent, startHub } from '../support/processes.ts';
import { RawVisitor } from '../support/raw-visitor.ts';
import { visit } from '../support/visit.ts';

/** Requests that wait for their answer. */
const held: (() => void)[] = [];
let wake = (): void => undefined;
const origin = await startOrigin({ after }, (request, response, body) => {
  if (request.url !== '/held') return echo(request, response, body);
  held.push(() => void response.end('held'));
  wake();
});
const hub = await startHub({ after });
const agent = await startAgent({ after }, ['--hub', hub.url, String(origin.port)]);
const host = agent.hostname;

const first = `GET /held HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
const handshake =
  'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';

/** Sends bytes and gives all that comes back until the hub ends the connection. */
async function send(bytes: string): Promise<string> {
  const socket = connect(hub.port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => undefined);
  socket.write(bytes);
  await once(socket, 'close');
  return Buffer.concat(chunks).toString('latin1');
}

/** Answers the request that is held, once it has come. */
async function release(): Promise<void> {
  while (held.length === 0) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  held.shift()?.();
}

const behindHeld: [what: string, status: number, bytes: string][] = [
  ['an upgrade that is ignored', 200, `GET / HTTP/1.1\r\nHost: ${host}\r\nUpgrade: h2c\r\n${handshake}`],
  [
    'a websocket that is not valid',
    426,
    `GET / HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\n${handshake.replace('13', '12')}`,
  ],
  ['a CONNECT', 405, 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n'],
  ['a request for the hub itself', 200, `GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n`],
  ['garbage', 400, 'GARBAGE\r\n\r\n'],
];

for (const [what, expected, bytes] of behindHeld) {
  test(`${what} behind a request that still waits is answered after it`, async (t) => {
    const visitor = await RawVisitor.connect(t, hub.port);
    visitor.send(first + bytes);
    const released = release();
    const { status, body } = await visitor.response();
    assert.deepEqual([status, body], [200, 'held']);
    await released;
    assert.equal((await visitor.response()).status, expected);
    assert.equal((await visit({ port: hub.port, host })).status, 200);
  });
}

test('a visitor that leaves takes with it what it sent behind a request that waits', async (t) => {
  const visitor = await RawVisitor.connect(t, hub.port);
  visitor.send(`${first}GET /behind HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  visitor.socket.end();
  await visitor.closed;
  assert.equal(visitor.unread, '');
  assert.ok(!origin.journal.includes('GET /behind'));
});

test('an upgrade that is ignored leads to the same tunnel as the request without it', async () => {
  const path = `/proxy/request/${host.split('.')[0]}/x`;
  const answer = await send(
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n`,
  );
  assert.match(answer, /^HTTP\/1\.1 200 /);
  assert.match(answer, /"url":"\/x"/);
});

test('a refusal behind an answer that is still to come leaves that answer whole', async () => {
  const answers = await send(
    `GET /first HTTP/1.1\r\nHost: ${host}\r\n\r\nPOST /x HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 9999999\r\n\r\nabc`,
  );
  assert.match(answers, /^HTTP\/1\.1 200 /);
  assert.match(answers, /HTTP\/1\.1 413 /);
});
