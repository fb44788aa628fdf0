import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { after } from 'node:test';
import { WebSocket } from 'ws';
import { bothWays } from '../support/both-ways.ts';
import { RawVisitor } from '../support/raw-visitor.ts';
import { accept, echoAll, type Handshake, messages, UpgradeOrigin, type Way } from '../support/upgrade-origin.ts';

const origin = await UpgradeOrigin.start({ after });
const both = await bothWays(origin.port);

const websocketFields = [
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

function upgradeRequest({ host }: Way, fields: string[] = websocketFields): string {
  return ['GET /upgrade?a=1 HTTP/1.1', `Host: ${host}`, 'Connection: Upgrade', ...fields, '', ''].join('\r\n');
}

const granted = ['HTTP/1.1 101 So Be It', 'Connection: Upgrade', 'Upgrade: my-protocol', 'X-Service: yes', '', ''];

/** A connection upgraded to a protocol that nobody between its ends knows. */
async function upgrade(t: Parameters<typeof RawVisitor.connect>[0], way: Way) {
  const visitor = await RawVisitor.connect(t, way.port);
  // Each end may end its own side first.
  visitor.socket.allowHalfOpen = true;
  visitor.send(upgradeRequest(way, ['Upgrade: my-protocol']));
  const handshake = await origin.next();
  handshake.socket.write(granted.join('\r\n'));
  const answer = await visitor.response();
  assert.equal(answer.status, 101);
  return { visitor, handshake, answer };
}

/** A frame of text as visitors send it, masked with zeros. */
function maskedFrame(text: string): string {
  assert.ok(text.length > 125 && text.length < 65_536);
  return String.fromCharCode(0x81, 0xfe, text.length >> 8, text.length & 0xff, 0, 0, 0, 0) + text;
}

/** Resolves once a socket is closed, well or not. */
async function gone(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
}

/** All bytes from a service's socket until the visitor's side ends. */
async function allOf({ socket, early }: Handshake): Promise<Buffer> {
  const chunks = [early];
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

both('frames in one packet with the request for an upgrade arrive', async (t, way) => {
  for (const length of [126, 5_000, 60_000]) {
    const text = 'early '.repeat(length).slice(0, length);
    const visitor = await RawVisitor.connect(t, way.port);
    visitor.send(upgradeRequest(way) + maskedFrame(text));
    echoAll(accept(await origin.next()));
    assert.equal((await visitor.response()).status, 101);
    const header = String.fromCharCode(0x81, 126, length >> 8, length & 0xff);
    assert.equal((await visitor.bytes(length + 4)).toString('latin1'), header + text);
  }
});

both('frames in one packet with the 101 arrive', async (t, way) => {
  for (const length of [1, 5_000, 300_000]) {
    const visitor = new WebSocket(`ws://127.0.0.1:${way.port}/`, { headers: { Host: way.host } });
    t.after(() => visitor.terminate());
    const arrived = messages(visitor, 2);
    accept(await origin.next(), {}, (websocket) => {
      websocket.send('y'.repeat(length));
      websocket.send('and more');
    });
    assert.deepEqual(
      (await arrived).map(({ data }) => data.toString()),
      ['y'.repeat(length), 'and more'],
    );
  }
});

both('a protocol that nobody knows passes byte by byte, both ways at once', async (t, way) => {
  const { visitor, handshake, answer } = await upgrade(t, way);
  assert.equal(handshake.request.headers.upgrade, 'my-protocol');
  assert.equal(handshake.request.headers.connection?.toLowerCase(), 'upgrade');
  assert.equal(handshake.request.url, '/upgrade?a=1');
  assert.equal(answer.field('upgrade'), 'my-protocol');
  assert.equal(answer.field('connection')?.toLowerCase(), 'upgrade');
  assert.equal(answer.field('x-service'), 'yes');
  const up = randomBytes(1_000_000);
  const down = randomBytes(1_000_000);
  const arrived = allOf(handshake);
  visitor.socket.end(up);
  handshake.socket.end(down);
  assert.ok((await visitor.bytes(down.length)).equals(down));
  assert.ok((await arrived).equals(up));
});

both('a visitor that has ended its side still hears the service', async (t, way) => {
  const { visitor, handshake } = await upgrade(t, way);
  const arrived = allOf(handshake);
  visitor.socket.end('that is all');
  assert.equal(String(await arrived), 'that is all');
  handshake.socket.write('so ');
  assert.equal(String(await visitor.bytes(3)), 'so ');
  handshake.socket.end('be it');
  assert.equal(String(await visitor.bytes(5)), 'be it');
  await visitor.closed;
});

both('a service that has ended its side still hears the visitor', async (t, way) => {
  const { visitor, handshake } = await upgrade(t, way);
  handshake.socket.end('go on');
  assert.equal(String(await visitor.bytes(5)), 'go on');
  await visitor.closed;
  const arrived = allOf(handshake);
  visitor.send('as ');
  visitor.socket.end('you wish');
  assert.equal(String(await arrived), 'as you wish');
});

both('either end that breaks off takes the other with it', async (t, way) => {
  for (const breakOff of ['destroy', 'resetAndDestroy'] as const) {
    const first = await upgrade(t, way);
    const serviceGone = gone(first.handshake.socket.resume());
    first.visitor.socket.allowHalfOpen = false;
    first.handshake.socket.allowHalfOpen = false;
    first.visitor.socket[breakOff]();
    await serviceGone;

    const second = await upgrade(t, way);
    const visitorGone = gone(second.visitor.socket);
    second.visitor.socket.allowHalfOpen = false;
    second.handshake.socket[breakOff]();
    await visitorGone;
  }
});

both('a refusal of the service passes as it is', async (t, way) => {
  const visitor = await RawVisitor.connect(t, way.port);
  visitor.send(upgradeRequest(way));
  const { socket } = await origin.next();
  const body = 'members only\n';
  const fields = ['Content-Type: text/x-reason', 'WWW-Authenticate: Basic realm="a"', 'Set-Cookie: a=1', 'X-Why: no'];
  socket.end(
    ['HTTP/1.1 403 Not You', ...fields, `Content-Length: ${body.length}`, 'Connection: close', '', body].join('\r\n'),
  );
  const refusal = await visitor.response();
  assert.match(refusal.head, /^HTTP\/1\.1 403 Not You\r\n/);
  for (const field of [...fields, `Content-Length: ${body.length}`]) {
    assert.ok(refusal.head.toLowerCase().includes(`\r\n${field.toLowerCase()}\r\n`), `${field} in ${refusal.head}`);
  }
  assert.equal(refusal.field('adit-error'), undefined);
  assert.equal(refusal.body, body);
  await visitor.closed;
});

both('a service that answers instead of upgrading may take its time over a long body', async (t, way) => {
  const visitor = await RawVisitor.connect(t, way.port);
  visitor.send(upgradeRequest(way, ['Upgrade: my-protocol']));
  const { socket } = await origin.next();
  const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n';
  const part = 'p'.repeat(50_000);
  socket.write(`${head}3\r\nnot\r\n`);
  assert.equal((await visitor.response({ isHead: true })).status, 200);
  assert.equal(String(await visitor.bytes(8)), '3\r\nnot\r\n');
  socket.end(`c350\r\n${part}\r\n0\r\n\r\n`);
  await visitor.closed;
  assert.ok(visitor.unread.includes(part.slice(0, 1_000)));
  assert.match(visitor.unread, /\r\n0\r\n\r\n$/);
});

both('an offer of HTTP/2 is answered in HTTP/1.1', async (t, way) => {
  const visitor = await RawVisitor.connect(t, way.port);
  const fields = ['Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA'];
  visitor.send(upgradeRequest(way, fields).replace('Connection: Upgrade', 'Connection: Upgrade, HTTP2-Settings'));
  // The library gives every offer to whoever takes any; through the tunnel nobody is offered this one.
  if (!way.isTunnel) {
    const { socket } = await origin.next();
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nno upgrade');
  }
  const { status, body, field } = await visitor.response();
  assert.deepEqual([status, body, field('upgrade')], [200, 'no upgrade', undefined]);
});
