import assert from 'node:assert/strict';
import { type EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { WebSocket, WebSocketServer } from 'ws';
import { maskOptions } from '#internal/agent/mask';
import { giveBack } from '#internal/core/write-copy';
import { packetOf, sparePacketOf } from '#internal/link/v2/packet';
import { linkOptions, type PacketLinkOptions, packetLink } from '#internal/link/websocket-link';

const ignore = { packet: () => undefined, writable: () => undefined, closed: () => undefined };

/** Both ends of a websocket, each with the socket that it runs on. */
async function connect(t: TestContext, mask: object): Promise<{ client: End; server: End }> {
  const listener = createServer();
  const websockets = new WebSocketServer({ server: listener, ...linkOptions });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const client = new WebSocket(`ws://127.0.0.1:${port}`, { ...linkOptions, ...mask });
  t.after(() => {
    client.terminate();
    websockets.close();
    listener.close();
  });
  const [[response], [server, request]] = (await Promise.all([
    once(client, 'upgrade'),
    once(websockets, 'connection'),
    once(client, 'open'),
  ])) as unknown as [[IncomingMessage], [WebSocket, IncomingMessage]];
  return {
    client: { websocket: client, socket: response.socket },
    server: { websocket: server, socket: request.socket },
  };
}

interface End {
  websocket: WebSocket;
  socket: Socket;
}

const lengths = [0, 1, 125, 126, 127, 16_384, 16_385, 65_535, 65_536, 131_072];

for (const [what, side, options, mask] of [
  ['a server', 'server', { isMasked: true }, {}],
  [
    'a client that masks with 0',
    'client',
    { isMasked: false, hasZeroMask: true },
    maskOptions(new URL('http://localhost'), false),
  ],
  ['a client that draws its masks', 'client', { isMasked: false }, {}],
] as [string, 'server' | 'client', PacketLinkOptions, object][]) {
  test(`packets of every length that ${what} sends are messages to the library, between its own pings`, async (t) => {
    const ends = await connect(t, mask);
    const { websocket, socket } = ends[side];
    const other = ends[side === 'server' ? 'client' : 'server'].websocket;
    const link = packetLink(websocket, socket, options, ignore);
    const seen: string[] = [];
    other.on('message', (data: Buffer, isBinary) => seen.push(`${isBinary} ${data.toString('latin1')}`));
    other.on('ping', (data) => seen.push(`ping ${data.toString()}`));
    const expected: string[] = [];
    for (const length of lengths) {
      const packet = packetOf(Buffer.alloc(length, length % 251));
      link.send(packet);
      websocket.ping(String(length));
      expected.push(`true ${packet.toString('latin1')}`, `ping ${length}`);
    }
    link.close(1000, 'done');
    const [code] = await once(other as EventEmitter, 'close');
    assert.deepEqual(seen, expected);
    assert.equal(code, 1000);
  });
}

test('whoever sends is told once the memory of a packet may be used again', async (t) => {
  const { client, server } = await connect(t, {});
  const link = packetLink(server.websocket, server.socket, { isMasked: true }, ignore);
  const seen: string[] = [];
  client.websocket.on('message', (data: Buffer) => seen.push(data.toString('latin1')));
  const texts = Array.from({ length: 50 }, (_, i) => String.fromCharCode(97 + (i % 26)).repeat(60_000));
  const memory = new Set<ArrayBufferLike>();
  for (const text of texts) {
    const packet = sparePacketOf(Buffer.from(text));
    memory.add(packet.buffer);
    await new Promise<void>((resolve) => {
      link.send(packet, () => {
        giveBack(packet);
        resolve();
      });
    });
  }
  link.close(1000, 'done');
  await once(client.websocket as EventEmitter, 'close');
  assert.deepEqual(seen, texts);
  assert.equal(memory.size, 1);
});

test('a link that is full says when it has room again, whatever is sent meanwhile all the same', async (t) => {
  const { client, server } = await connect(t, {});
  let tell: () => void = () => undefined;
  const hasRoom = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const link = packetLink(server.websocket, server.socket, { isMasked: true }, { ...ignore, writable: () => tell() });
  client.websocket.pause();
  let sentCount = 0;
  const send = (byteCount: number): void => {
    link.send(packetOf(Buffer.alloc(byteCount)));
    sentCount += 1;
  };
  while (link.isWritable) {
    send(65_000);
    await setImmediate();
  }
  let count = 0;
  const all = new Promise<void>((resolve) => {
    client.websocket.on('message', () => {
      count += 1;
      if (!link.isWritable) send(1);
      if (count === sentCount) resolve();
    });
  });
  client.websocket.resume();
  await hasRoom;
  assert.ok(link.isWritable);
  await all;
});
