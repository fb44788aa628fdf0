import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { MessageWriter } from '#internal/http1/message-writer';

/** The two ends of one connection. */
async function pair(t: TestContext): Promise<[ours: Socket, theirs: Socket]> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const ours = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [theirs] = (await once(server, 'connection')) as [Socket];
  t.after(() => {
    ours.destroy();
    theirs.destroy();
    server.close();
  });
  return [ours, theirs];
}

async function received(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

test('head, body and end of a small message are one write', async (t) => {
  const [ours, theirs] = await pair(t);
  const writer = new MessageWriter(ours, () => undefined);
  const writes: number[] = [];
  const write = ours.write.bind(ours);
  ours.write = ((...args: Parameters<typeof write>) => {
    writes.push((args[0] as string).length);
    return write(...args);
  }) as typeof ours.write;
  writer.begin('HEAD\r\n\r\n', { kind: 'chunked' });
  writer.data(Buffer.from('caf\xe9', 'latin1'));
  writer.end(['X', 'y']);
  writer.close();
  assert.equal((await received(theirs)).toString('latin1'), 'HEAD\r\n\r\n4\r\ncaf\xe9\r\n0\r\nX: y\r\n\r\n');
  assert.equal(writes.length, 1);
});

test('pieces of every length arrive in their order, also at a reader that comes late', async (t) => {
  const [ours, theirs] = await pair(t);
  let taken = 0;
  const writer = new MessageWriter(ours, () => {
    taken += 1;
  });
  const pieces = [1, 16_384, 16_385, 3, 70_000, 2_000_000, 5, 8_000_000, 1].map((length, i) => Buffer.alloc(length, i));
  const byteCount = pieces.reduce((sum, { length }) => sum + length, 0);
  writer.begin('', { kind: 'length', byteCount });
  for (const piece of pieces) assert.ok(writer.data(piece));
  assert.ok(writer.end());
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(writer.isWaiting && !writer.isClear);
  assert.equal(taken, 0);
  writer.close();
  assert.ok((await received(theirs)).equals(Buffer.concat(pieces)));
});

test('a body that disagrees with its length is not written', async (t) => {
  const [ours] = await pair(t);
  const writer = new MessageWriter(ours, () => undefined);
  writer.begin('', { kind: 'length', byteCount: 3 });
  assert.equal(writer.data(Buffer.from('four')), false);
  assert.equal(writer.data(Buffer.from('ab')), true);
  assert.equal(writer.end(), false);
  assert.equal(writer.data(Buffer.from('c')), true);
  assert.equal(writer.end(), true);
});

test('a message without a body drops one', async (t) => {
  const [ours, theirs] = await pair(t);
  const writer = new MessageWriter(ours, () => undefined);
  writer.begin('one ', { kind: 'none' });
  writer.data(Buffer.from('dropped'));
  writer.end();
  writer.begin('two', { kind: 'none' });
  writer.end();
  writer.close();
  assert.equal(String(await received(theirs)), 'one two');
});

test('it tells when everything has been taken', async (t) => {
  const [ours, theirs] = await pair(t);
  theirs.resume();
  const taken = new Promise<void>((resolve) => {
    const writer = new MessageWriter(ours, resolve);
    writer.begin('', { kind: 'close' });
    writer.data(Buffer.alloc(5_000_000));
  });
  await taken;
});
