import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { acceptInPlace, connectInPlace, isReadBuffer, readInPlace } from '#internal/core/in-place-socket';
import { makeCertificates } from '../support/certificate.ts';
import { temporaryFolder } from '../support/processes.ts';

for (const [what, accept] of [
  ['a plain socket', accepted],
  ['a TLS socket', acceptedTls],
] as const) {
  test(`what comes on ${what} is given where it was read, until that is taken back: then it comes as data, and so does the end`, async (t) => {
    const { visitor, socket } = await accept(t);
    const inPlace = received();
    const stop = readInPlace(socket, inPlace.receive);
    socket.resume();
    visitor.write('one');
    assert.equal(await inPlace.next(), 'one');
    assert.ok(inPlace.wereReadBuffers);
    stop();
    const later = received();
    socket.on('data', later.receive);
    visitor.end('two');
    assert.equal(await later.next(), 'two');
    assert.equal(later.wereReadBuffers, false);
    await once(socket, 'end');
  });

  test(`what ${what} brings is whole, whatever is written and however often it is paused meanwhile`, async (t) => {
    const { visitor, socket } = await accept(t);
    const bytes = randomBytes(3_000_000);
    const seen = createHash('sha256');
    let byteCount = 0;
    const all = new Promise<void>((resolve) => {
      readInPlace(socket, (chunk) => {
        socket.write(Buffer.alloc(1_000));
        seen.update(chunk);
        byteCount += chunk.length;
        socket.pause();
        setImmediate().then(() => socket.resume());
        if (byteCount === bytes.length) resolve();
      });
    });
    visitor.resume();
    socket.resume();
    visitor.write(bytes);
    await all;
    assert.equal(seen.digest('hex'), createHash('sha256').update(bytes).digest('hex'));
  });
}

test('a socket whose first address takes no connections reads from the next one what that sends', async (t) => {
  const server = createServer((socket) => void socket.end('second address'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const addresses = [
    { address: '::1', family: 6 },
    { address: '127.0.0.1', family: 4 },
  ];
  const { port } = server.address() as AddressInfo;
  const socket = connectInPlace((onread) =>
    connect({
      host: 'localhost',
      port,
      lookup: (_host, _options, done) => done(null, addresses),
      autoSelectFamily: true,
      onread,
    }),
  );
  const { receive, next } = received();
  socket.on('data', receive);
  assert.equal(await next(), 'second address');
});

test('nothing is read while the socket is paused, nor before anybody reads', async (t) => {
  const { visitor, socket } = await accepted(t);
  visitor.write('early');
  const { receive, next } = received();
  readInPlace(socket, receive);
  socket.resume();
  assert.equal(await next(), 'early');
  socket.pause();
  visitor.write('late');
  // What the peer hears of us has passed everything that it sent before.
  socket.write('mark');
  await once(visitor, 'data');
  assert.equal(socket.readableLength, 0);
  assert.equal(socket.bytesRead, 'early'.length);
  socket.resume();
  assert.equal(await next(), 'late');
});

test('one that brings much lets the others have their turn in between', async (t) => {
  const { visitor, socket } = await accepted(t);
  const byteCount = 2_097_152;
  const perTurn: number[] = [];
  let inTurn = 0;
  readInPlace(socket, (chunk) => {
    inTurn += chunk.length;
  });
  visitor.write(Buffer.alloc(byteCount));
  const endTurn = (): void => {
    if (inTurn > 0) perTurn.push(inTurn);
    inTurn = 0;
  };
  socket.resume();
  while (perTurn.reduce((sum, bytes) => sum + bytes, 0) < byteCount) {
    await setImmediate();
    endTurn();
  }
  assert.ok(Math.max(...perTurn) <= 2 * 65_536, String(Math.max(...perTurn)));
});

test('no chunk but the first is longer than was asked for, until another one reads', async (t) => {
  const { visitor, socket } = await accepted(t);
  const byteCount = 1_048_576;
  const longest = async (mostBytes?: number): Promise<number> => {
    const lengths: number[] = [];
    let left = byteCount;
    const all = new Promise<void>((resolve) => {
      const stop = readInPlace(
        socket,
        ({ length }) => {
          lengths.push(length);
          left -= length;
          if (left > 0) return;
          stop();
          resolve();
        },
        mostBytes,
      );
    });
    socket.resume();
    visitor.write(Buffer.alloc(byteCount));
    await all;
    socket.pause();
    return Math.max(...lengths.slice(1));
  };
  assert.equal(await longest(40_000), 40_000);
  assert.equal(await longest(), 65_536);
});

test('a socket that has no place to read into is left as it is, and read as a stream', async () => {
  const socket = new Socket();
  acceptInPlace(socket);
  const { receive, next } = received();
  readInPlace(socket, receive);
  socket.push('bytes');
  assert.equal(await next(), 'bytes');
  socket.destroy();
});

/** The two ends of a connection; the accepted one is not read yet. */
async function accepted(t: TestContext): Promise<Ends> {
  const server = createServer({ pauseOnConnect: true });
  return await connected(t, server, { event: 'connection', dial: (port) => connect(port, '127.0.0.1') });
}

/** The same over TLS. */
async function acceptedTls(t: TestContext): Promise<Ends> {
  const { certPath, keyPath, caPem: ca } = makeCertificates(temporaryFolder(t));
  const server = createTlsServer({ cert: readFileSync(certPath), key: readFileSync(keyPath) });
  const dial = (port: number): Socket => connectTls({ port, servername: 'localhost', ca });
  return await connected(t, server, { event: 'secureConnection', dial });
}

interface Ends {
  visitor: Socket;
  socket: Socket;
}

async function connected(
  t: TestContext,
  server: Server,
  { event, dial }: { event: string; dial: (port: number) => Socket },
): Promise<Ends> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const visitor = dial((server.address() as AddressInfo).port);
  const [socket] = (await once(server, event)) as [Socket];
  acceptInPlace(socket);
  t.after(() => {
    visitor.destroy();
    socket.destroy();
    server.close();
  });
  return { visitor, socket };
}

function received() {
  const texts: string[] = [];
  let tell: () => void = () => undefined;
  const seen = {
    wereReadBuffers: false,
    receive: (chunk: Buffer): void => {
      texts.push(chunk.toString());
      seen.wereReadBuffers = isReadBuffer(chunk);
      tell();
    },
    next: async (): Promise<string> => {
      if (texts.length === 0) {
        await new Promise<void>((resolve) => {
          tell = resolve;
        });
      }
      return texts.shift() as string;
    },
  };
  return seen;
}
