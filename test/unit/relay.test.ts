import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import { listening } from '../support/listening.ts';
import type { Cleanup } from '../support/processes.ts';
import { Relay } from '../support/relay.ts';
import type { Way } from '../support/relay-pipe.ts';

/** A connection through a relay, with both its ends. */
async function startPair(t: Cleanup, way: Way = {}): Promise<{ relay: Relay; near: Socket; far: Socket }> {
  const server = createServer();
  const relay = await Relay.start(t, [await listening(t, server)], way);
  const accepted = once(server, 'connection');
  const near = connect(relay.port, '127.0.0.1');
  t.after(() => near.destroy());
  const [far] = (await accepted) as [Socket];
  for (const socket of [near, far]) socket.on('error', () => undefined);
  return { relay, near, far };
}

/** Everything that comes until the socket closes. */
async function rest(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

for (const how of ['RST', 'FIN'] as const) {
  test(`a relay cuts after exactly so many bytes (${how})`, async (t) => {
    const { relay, near, far } = await startPair(t);
    const got = rest(far);
    const cut = relay.cutAfter('up', 5, how);
    near.write('abc');
    near.write('defgh');
    await cut;
    far.end();
    assert.equal(await got, 'abcde');
    assert.equal(relay.bytes.up, 5);
  });
}

test('a relay that stalls closes nothing, and what has waited arrives when it flows', async (t) => {
  const { relay, near, far } = await startPair(t);
  near.write('before');
  assert.equal(String((await once(far, 'data'))[0]), 'before');
  relay.stall();
  near.end('meanwhile');
  await once(near, 'finish');
  let isHeard = false;
  const got = rest(far);
  far.once('data', () => {
    isHeard = true;
  });
  await once(await pairThrough(t, relay), 'connect');
  assert.ok(!isHeard);
  relay.flow();
  far.end();
  assert.equal(await got, 'meanwhile');
});

async function pairThrough(t: Cleanup, relay: Relay): Promise<Socket> {
  const socket = connect(relay.port, '127.0.0.1');
  t.after(() => socket.destroy());
  return socket;
}

test('a relay goes on to the next target, past one that refuses, and refuses when it is told to', async (t) => {
  const names: string[] = [];
  const serve = (name: string): Server =>
    createServer((socket) => {
      names.push(name);
      socket.end(name);
    });
  const gone = createServer();
  const gonePort = await listening({ after: () => undefined }, gone);
  gone.close();
  const targets = [await listening(t, serve('one')), gonePort, await listening(t, serve('two'))];
  const relay = await Relay.start(t, targets);
  for (let i = 0; i < 4; i += 1) await rest(await pairThrough(t, relay));
  assert.deepEqual(names, ['one', 'two', 'one', 'two']);
  relay.isRefusing = true;
  const refused = connect(relay.port, '127.0.0.1');
  assert.equal((await once(refused, 'error'))[0].code, 'ECONNRESET');
  assert.equal(relay.connectionCount, 4);
});

test('a relay delays, and lets no more through than its rate, in order', async (t) => {
  const { near, far } = await startPair(t, { delayMs: 30, bytesPerSecond: 2_000_000 });
  const sent = 'abcdefghij'.repeat(40_000);
  const startedAt = performance.now();
  const got = rest(far);
  near.end(sent);
  far.end();
  assert.ok((await got) === sent);
  const ms = performance.now() - startedAt;
  assert.ok(ms >= 210 && ms < 800, `${ms} ms`);
});
