import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { after, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { startOrigin } from '../support/origin.ts';
import { type Cleanup, startAgent, startTunnel } from '../support/processes.ts';
import { RawVisitor } from '../support/raw-visitor.ts';
import { visit } from '../support/visit.ts';

/** What the service saw of the last handshake. */
let handshake: IncomingMessage | undefined;
const origin = await startOrigin({ after });
origin.server.removeAllListeners('upgrade');
const acceptor = new WebSocketServer({ noServer: true });
origin.server.on('upgrade', (request: IncomingMessage, socket: Duplex, early: Buffer) => {
  handshake = request;
  if (request.url === '/refuse') {
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
    return;
  }
  acceptor.handleUpgrade(request, socket, early, (websocket) => {
    if (request.url === '/leave') websocket.once('message', () => websocket.close(4001, 'enough'));
    else if (request.url === '/cut') websocket.once('message', () => websocket.terminate());
    else websocket.on('message', (data, binary) => websocket.send(data, { binary }));
  });
});
const { hub, port, host } = await startTunnel({ after }, origin.port, { agentArgs: ['--wire', 'v1'] });

interface OpenOptions {
  asked?: string;
  protocols?: string[];
}

async function open(t: Cleanup, path: string, { asked = host, protocols = [] }: OpenOptions = {}): Promise<WebSocket> {
  const websocket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, { headers: { Host: asked } });
  t.after(() => websocket.terminate());
  await once(websocket, 'open');
  return websocket;
}

/** The next messages as text, with whether each was binary. */
async function messages(websocket: WebSocket, count: number): Promise<[text: string, isBinary: boolean][]> {
  const got: [string, boolean][] = [];
  return await new Promise((resolve, reject) => {
    websocket.on('message', (data: Buffer, isBinary: boolean) => {
      got.push([data.toString('utf8'), isBinary]);
      if (got.length === count) resolve(got);
    });
    websocket.once('close', (code) => reject(new Error(`closed with ${code} after ${got.length} messages`)));
  });
}

async function closeOf(websocket: WebSocket): Promise<number> {
  const [code] = (await once(websocket, 'close')) as [number];
  return code;
}

test('a thousand messages come back in order', async (t) => {
  const websocket = await open(t, '/chat?room=1');
  const sent = Array.from({ length: 1_000 }, (_, i) => `${i} žluťoučký 🐴`.padEnd(i % 400, '.'));
  const back = messages(websocket, sent.length);
  for (const text of sent) websocket.send(text);
  assert.deepEqual(
    await back,
    sent.map((text) => [text, false]),
  );
  websocket.close(1000);
  assert.equal(await closeOf(websocket), 1000);
});

test('binary messages and empty ones keep their kind', async (t) => {
  const websocket = await open(t, '/');
  const back = messages(websocket, 3);
  websocket.send(Buffer.from('bytes'));
  websocket.send('');
  websocket.send('text');
  assert.deepEqual(await back, [
    ['bytes', true],
    ['', false],
    ['text', false],
  ]);
});

test('a message of 500 kB passes in both directions', async (t) => {
  const websocket = await open(t, '/');
  const text = 'x'.repeat(500_000);
  const back = messages(websocket, 1);
  websocket.send(text);
  assert.deepEqual(await back, [[text, false]]);
});

test('the service sees the path, the query, the origin and who asks', async (t) => {
  await open(t, '/a%2Fb?q=1&r=2');
  assert.equal(handshake?.url, '/a%2Fb?q=1&r=2');
  assert.equal(handshake?.headers['x-forwarded-host'], host);
  assert.equal(handshake?.headers['host'], `localhost:${origin.port}`);
});

test('the page that opens a websocket is named to the service unchanged', async (t) => {
  const headers = { Host: host, Origin: 'https://evil.test' };
  const websocket = new WebSocket(`ws://127.0.0.1:${port}/`, { headers });
  t.after(() => websocket.terminate());
  await once(websocket, 'open');
  assert.equal(handshake?.headers['origin'], 'https://evil.test');
});

test('a visitor that offers subprotocols is answered with one', async (t) => {
  const websocket = await open(t, '/', { protocols: ['chat.v2', 'chat.v1'] });
  assert.equal(websocket.protocol, 'chat.v2');
  assert.equal(handshake?.headers['sec-websocket-protocol']?.replaceAll(' ', ''), 'chat.v2,chat.v1');
});

test('a refusal of the service refuses the visitor before its upgrade', async (t) => {
  const visitor = await RawVisitor.connect(t, port);
  visitor.send(upgradeRequest('/refuse'));
  const { status, field, body } = await visitor.response();
  assert.equal(status, 502);
  assert.equal(field('adit-error'), 'ADIT_UPGRADE_REFUSED');
  assert.match(body, /403/);
});

test('a websocket to a tunnel that nobody serves is a 502', async (t) => {
  const visitor = await RawVisitor.connect(t, port);
  visitor.send(upgradeRequest('/').replace(host, `${'a'.repeat(51)}q.localhost`));
  assert.equal((await visitor.response()).status, 502);
});

test('handshakes that are not valid never reach the service', async (t) => {
  handshake = undefined;
  const cases: [number, string][] = [
    [426, upgradeRequest('/').replace('Version: 13', 'Version: 12')],
    [426, upgradeRequest('/').replace('Sec-WebSocket-Version: 13\r\n', '')],
    [400, upgradeRequest('/').replace(/Key: .*/, 'Key: c2hvcnQ=')],
    [400, upgradeRequest('/').replace(/Sec-WebSocket-Key: .*\r\n/, '')],
    [400, upgradeRequest('/').replace('GET', 'POST')],
  ];
  for (const [expected, request] of cases) {
    const visitor = await RawVisitor.connect(t, port);
    visitor.send(request);
    const { status, field } = await visitor.response();
    assert.equal(status, expected, request);
    if (status === 426) assert.equal(field('sec-websocket-version'), '13');
  }
  assert.equal(handshake, undefined);
});

test('a binary message that wire v1 cannot carry closes the websocket with 1003', async (t) => {
  const websocket = await open(t, '/');
  const closed = closeOf(websocket);
  websocket.send(Buffer.from([0xff, 0xfe, 0x00]));
  assert.equal(await closed, 1003);
});

test('a message over the limit closes the websocket with 1009', async (t) => {
  const websocket = await open(t, '/');
  const closed = closeOf(websocket);
  websocket.send('x'.repeat(512_001));
  assert.equal(await closed, 1009);
});

test('when the service closes, the visitor is closed', async (t) => {
  for (const path of ['/leave', '/cut']) {
    const websocket = await open(t, path);
    const closed = closeOf(websocket);
    websocket.send('now');
    assert.ok(Number.isInteger(await closed), path);
  }
});

test('when the visitor closes, the service is closed', async (t) => {
  const websocket = await open(t, '/');
  const [accepted] = [...acceptor.clients].slice(-1);
  assert.ok(accepted);
  const closed = once(accepted, 'close');
  websocket.close(1000);
  await closed;
});

test('when the agent is killed, its websockets close with 1012 and its visitors are told 502', async (t) => {
  const agent = await startAgent(t, ['--hub', hub.url, '--wire', 'v1', String(origin.port)]);
  const asked = `${agent.hostname}:${port}`;
  const websocket = await open(t, '/', { asked });
  const closed = closeOf(websocket);
  await agent.program.stop('SIGKILL');
  assert.equal(await closed, 1012);
  assert.equal((await visit({ port, host: asked })).status, 502);
});

function upgradeRequest(path: string): string {
  const fields = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
  return [`GET ${path} HTTP/1.1`, `Host: ${host}`, ...fields, key, '', ''].join('\r\n');
}
