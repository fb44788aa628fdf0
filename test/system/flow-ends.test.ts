import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { startFlowTunnel, untilIdle } from '../support/flow.ts';
import type { Cleanup } from '../support/processes.ts';
import { RawVisitor } from '../support/raw-visitor.ts';
import { within } from '../support/within.ts';

type Asked = [request: IncomingMessage, response: ServerResponse];

const server = http.createServer();
server.listen(0, '127.0.0.1');
await once(server, 'listening');
after(() => {
  server.closeAllConnections();
  server.close();
});
const tunnel = await startFlowTunnel({ after }, (server.address() as AddressInfo).port);
const { port, host } = tunnel;

/** The next request at the origin. */
async function asked(): Promise<Asked> {
  return (await once(server, 'request')) as Asked;
}

function fill(response: ServerResponse | http.ClientRequest): void {
  const piece = Buffer.alloc(65_536);
  response.on('drain', () => fillNow());
  const fillNow = (): void => {
    while (!response.destroyed && response.write(piece));
  };
  fillNow();
}

test('a visitor that leaves a download ends it at the origin within a second', async (t) => {
  const visitor = await RawVisitor.connect(t, port);
  const arrived = asked();
  visitor.send(`GET /down HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  const [, response] = await arrived;
  fill(response);
  await visitor.bytes(1_000_000);
  const closed = once(response, 'close');
  visitor.socket.destroy();
  await within(1_000, closed);
});

test('a visitor that leaves an answer that has not begun ends it within a second', async (t) => {
  const visitor = await RawVisitor.connect(t, port);
  const arrived = asked();
  visitor.send(`GET /poll HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  const [, response] = await arrived;
  const closed = once(response, 'close');
  visitor.socket.destroy();
  await within(1_000, closed);
});

test('a visitor that leaves an upload ends it at the origin within a second', async (t) => {
  const { request, incoming } = await beginUpload(t);
  incoming.resume();
  for (let seen = 0; seen < 1_000_000; ) seen += ((await once(incoming, 'data')) as [Buffer])[0].length;
  const closed = new Promise((resolve) => incoming.socket.once('close', resolve));
  request.destroy();
  await within(1_000, closed);
});

test('a visitor that resets an upload which nobody reads is noticed within 5 s', async (t) => {
  const { request } = await beginUpload(t);
  await stalled(request);
  (request.socket as Socket).resetAndDestroy();
  await within(5_000, untilIdle(tunnel));
});

async function beginUpload(t: Cleanup): Promise<{ request: http.ClientRequest; incoming: IncomingMessage }> {
  const arrived = asked();
  const request = http.request({ host: '127.0.0.1', port, method: 'POST', headers: { Host: host }, agent: false });
  t.after(() => request.destroy());
  request.on('error', () => undefined);
  fill(request);
  const [incoming] = await arrived;
  incoming.on('error', () => undefined);
  return { request, incoming };
}

/** Waits until nothing more of an upload is taken for so long that the hub reads no more of it ahead. */
async function stalled(request: http.ClientRequest): Promise<void> {
  const socket = request.socket as Socket;
  await new Promise<void>((resolve) => {
    let written = -1;
    const timer = setInterval(() => {
      const taken = socket.bytesWritten - socket.writableLength;
      if (taken === written) {
        clearInterval(timer);
        resolve();
      }
      written = taken;
    }, 2_500);
  });
}

for (const form of ['Content-Length: 1000000', 'Transfer-Encoding: chunked']) {
  test(`an origin that breaks off is seen to have done so (${form})`, async (t) => {
    const arrived = asked();
    const got = new Promise<IncomingMessage>((resolve, reject) => {
      http.get({ host: '127.0.0.1', port, headers: { Host: host }, agent: false }, resolve).on('error', reject);
    });
    const [, response] = await arrived;
    const [name = '', value = ''] = form.split(': ');
    response.setHeader(name, value).write('begun');
    const incoming = await got;
    t.after(() => incoming.destroy());
    await once(incoming, 'data');
    const cut = once(incoming, 'error');
    response.destroy();
    await within(1_000, cut);
    assert.equal(incoming.complete, false);
  });
}

for (const version of ['1.0', '1.1']) {
  test(`an HTTP/1.0 origin that resets its body is seen to have done so by HTTP/${version}`, async (t) => {
    const old = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.write('HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nbegun'));
      reset = () => socket.resetAndDestroy();
    });
    let reset = (): unknown => undefined;
    old.listen(0, '127.0.0.1');
    await once(old, 'listening');
    t.after(() => old.close());
    const behind = await startFlowTunnel(t, (old.address() as AddressInfo).port);
    const visitor = await RawVisitor.connect(t, behind.port);
    let error: Error | undefined;
    visitor.socket.on('error', (thrown) => {
      error = thrown;
    });
    visitor.send(`GET / HTTP/${version}\r\nHost: ${behind.host}\r\n\r\n`);
    while (!visitor.unread.includes('begun')) await once(visitor.socket, 'data');
    reset();
    await within(1_000, visitor.closed);
    if (version === '1.0') assert.equal((error as NodeJS.ErrnoException | undefined)?.code, 'ECONNRESET');
    else assert.ok(!visitor.unread.endsWith('0\r\n\r\n'));
  });
}
