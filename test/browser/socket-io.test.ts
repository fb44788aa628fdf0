import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { Server, type Socket } from 'socket.io';
import { startTunnel } from '../support/processes.ts';
import { complaintsOf, launchChromium } from './chromium.ts';

let browser: Browser;
before(async () => {
  browser = await launchChromium();
});
after(() => browser.close());

/** What the page logs, in its order, as a string. */
const page = (options: object): string => `<!doctype html><link rel="icon" href="data:,">
<script src="/socket.io/socket.io.js"></script>
<ol></ol>
<script>
  const log = (text) => document.querySelector('ol').append(Object.assign(document.createElement('li'), { textContent: text }));
  const socket = io(${JSON.stringify(options)});
  // The engine below has either of its ways open before the socket is said to be connected.
  socket.io.engine.once('open', () => log('opened by ' + socket.io.engine.transport.name));
  socket.io.engine.once('upgrade', (transport) => log('upgraded to ' + transport.name));
  socket.on('connect', () => log('connected'));
  socket.on('disconnect', (reason) => log('disconnected: ' + reason));
  socket.on('told', (text) => log('told ' + text));
  async function talk() {
    const answers = [];
    for (let i = 0; i < 50; i += 1) answers.push(await socket.timeout(5000).emitWithAck('ask', i));
    const bytes = Uint8Array.from({ length: 200000 }, (_, i) => i % 251);
    const back = new Uint8Array(await socket.timeout(5000).emitWithAck('bytes', bytes));
    return { isInOrder: answers.every((answer, i) => answer === 'answer ' + i), isEqual: back.join() === bytes.join() };
  }
</script>`;

/** A real Socket.IO server, whose page is shown through a tunnel. */
async function show(t: TestContext, options: object) {
  const server = http.createServer((request, response) => {
    if (request.url !== '/') return;
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(page(options));
  });
  const io = new Server(server);
  const connected = once(io, 'connection') as Promise<[Socket]>;
  io.on('connection', (socket) => {
    socket.on('ask', (i, answer) => answer(`answer ${i}`));
    socket.on('bytes', (bytes, answer) => answer(bytes));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => io.close());
  const { agent } = await startTunnel(t, (server.address() as AddressInfo).port);
  const shown = await browser.newPage();
  t.after(() => shown.close());
  const polls: string[] = [];
  shown.on('request', (request) => {
    if (request.url().includes('transport=polling')) polls.push(request.method());
  });
  const websockets: string[] = [];
  shown.on('websocket', (websocket) => websockets.push(websocket.url()));
  const complaints = complaintsOf(shown);
  await shown.goto(agent.url);
  const [socket] = await connected;
  return { io, socket, shown, polls, websockets, complaints, url: new URL(agent.url) };
}

async function talk(shown: Page): Promise<unknown> {
  return await shown.evaluate('talk()');
}

test('Socket.IO begins by polling and goes on by websocket', async (t) => {
  const { io, socket, shown, websockets, complaints, url } = await show(t, {});
  await shown.getByText('opened by polling').waitFor();
  await shown.getByText('upgraded to websocket').waitFor();
  assert.ok(websockets.length === 1 && websockets[0]?.startsWith(`ws://${url.host}/socket.io/`), `${websockets}`);
  assert.deepEqual(await talk(shown), { isInOrder: true, isEqual: true });
  assert.equal(socket.conn.transport.name, 'websocket');
  io.emit('told', 'everyone');
  await shown.getByText('told everyone').waitFor();
  socket.disconnect(true);
  await shown.getByText('disconnected: io server disconnect').waitFor();
  assert.deepEqual(complaints, []);
});

test('Socket.IO works by polling alone', async (t) => {
  const { io, socket, shown, polls, websockets, complaints } = await show(t, { transports: ['polling'] });
  await shown.getByText('opened by polling').waitFor();
  assert.deepEqual(await talk(shown), { isInOrder: true, isEqual: true });
  // Nobody asks in the meantime: the poll that waits is answered.
  io.emit('told', 'everyone');
  await shown.getByText('told everyone').waitFor();
  assert.equal(socket.conn.transport.name, 'polling');
  assert.ok(polls.includes('GET') && polls.includes('POST'), `${polls}`);
  assert.deepEqual([websockets, complaints], [[], []]);
});

test('Socket.IO notices when a visitor closes the page', async (t) => {
  const { socket, shown } = await show(t, { transports: ['websocket'] });
  await shown.getByText('opened by websocket').waitFor();
  const left = once(socket, 'disconnect');
  await shown.close();
  assert.match(String((await left)[0]), /^(transport close|client namespace disconnect)$/);
});
