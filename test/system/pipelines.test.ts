import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { echo, startOrigin } from '../support/origin.ts';
import { startAgent, startHub } from '../support/processes.ts';
import { visit } from '../support/visit.ts';

const origin = await startOrigin({ after }, (request, response, body) => {
  // Held until its visitor has gone.
  if (request.url !== '/held') echo(request, response, body);
});
const hub = await startHub({ after });
const agent = await startAgent({ after }, ['--hub', hub.url, String(origin.port)]);
const host = agent.hostname;

const held = `GET /held HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
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

const behindHeld: Record<string, string> = {
  'a websocket': `GET /ws HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\n${handshake}`,
  'an upgrade that is ignored': `GET / HTTP/1.1\r\nHost: ${host}\r\nUpgrade: h2c\r\n${handshake}`,
  'a CONNECT': 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n',
  garbage: 'GARBAGE\r\n\r\n',
};

for (const [what, bytes] of Object.entries(behindHeld)) {
  test(`${what} behind a request that still waits ends the connection, and nothing else`, async () => {
    assert.equal(await send(held + bytes), '');
    assert.equal((await visit({ port: hub.port, host })).status, 200);
  });
}

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
