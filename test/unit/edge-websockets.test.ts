import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { AditError } from '#internal/core/errors';
import { closeFrame } from '#internal/hub/edge/websocket-frames';
import { type OpenedStream, TestEdge } from '../support/edge.ts';
import type { Cleanup } from '../support/processes.ts';
import type { RawVisitor } from '../support/raw-visitor.ts';

const restart = closeFrame(1012, 'service restart', { isMasked: false });
const fields = ['Connection', 'Upgrade', 'Upgrade', 'websocket'];

interface Open {
  edge: TestEdge;
  visitor: RawVisitor;
  stream: OpenedStream;
}

async function open(t: Cleanup): Promise<Open> {
  const edge = await TestEdge.start(t);
  const asked = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
  const visitor = await edge.visit(
    t,
    edge.head('GET / HTTP/1.1', ...asked, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='),
  );
  const stream = await edge.stream();
  stream.handler.head({ status: 101, reason: '', fields });
  assert.equal((await visitor.response()).status, 101);
  return { edge, visitor, stream };
}

/** The last data that the stream was given. */
function lastData(stream: OpenedStream): string {
  return stream.calls.filter((call) => call.startsWith('data ')).at(-1) ?? '';
}

test('a hub that stops closes a websocket towards both ends', async (t) => {
  const { edge, visitor, stream } = await open(t);
  const over = edge.websockets.restart();
  assert.deepEqual(await visitor.bytes(restart.length), restart);
  await visitor.closed;
  await stream.until('end');
  assert.match(lastData(stream), /^data \x88\x8c/);
  // The visitor has left by now; the origin gets the time to answer.
  visitor.socket.end();
  await once(visitor.socket, 'close');
  stream.handler.ended([]);
  await over;
  assert.ok(!stream.calls.some((call) => call.startsWith('reset')));
  assert.equal(edge.clock.pendingCount, 1, 'only the checks of the listener are left');
});

test('frames under way are finished first, in both directions', async (t) => {
  const { edge, visitor, stream } = await open(t);
  visitor.send('\x82\x82mask1');
  await stream.until('data \x82\x82mask1');
  stream.handler.data(Buffer.from('\x82\x03a', 'latin1'));
  assert.equal(String(await visitor.bytes(3)).length, 3);
  const over = edge.websockets.restart();
  stream.handler.data(Buffer.from('bc\x82\x01d', 'latin1'));
  assert.equal(String(await visitor.bytes(2)), 'bc');
  assert.deepEqual(await visitor.bytes(restart.length), restart);
  visitor.send('2\x82\x81maskx');
  await stream.until('end');
  assert.equal(stream.calls[1], 'data 2');
  assert.match(lastData(stream), /^data \x88\x8c/);
  stream.handler.ended([]);
  visitor.socket.end();
  await over;
});

test('a frame that does not end within a second is cut', async (t) => {
  const { edge, visitor, stream } = await open(t);
  stream.handler.data(Buffer.from('\x82\x03a', 'latin1'));
  await visitor.bytes(3);
  const over = edge.websockets.restart();
  edge.clock.advance(999);
  stream.handler.data(Buffer.from('b'));
  await visitor.bytes(1);
  edge.clock.advance(1);
  await over;
  await visitor.closed;
  assert.equal(visitor.unread, '');
  assert.equal(stream.calls.at(-1), 'reset ADIT_VISITOR_GONE');
});

const lost = new AditError('ADIT_LINK_LOST', 'lost');

test('a websocket whose agent is lost is closed by 1012, and what its visitor still sends is dropped', async (t) => {
  const { edge, visitor, stream } = await open(t);
  stream.handler.data(Buffer.from('\x81\x02hi', 'latin1'));
  stream.handler.reset(lost);
  visitor.send('\x82\x80mask');
  assert.equal((await visitor.bytes(4)).toString('latin1'), '\x81\x02hi');
  assert.deepEqual(await visitor.bytes(restart.length), restart);
  await visitor.closed;
  await edge.websockets.restart();
  assert.deepEqual(stream.calls, []);
});

test('within a frame there is no place for a close frame: the visitor is cut', async (t) => {
  const { visitor, stream } = await open(t);
  stream.handler.data(Buffer.from('\x81\x05hi', 'latin1'));
  assert.equal((await visitor.bytes(4)).length, 4);
  stream.handler.reset(lost);
  await visitor.closed;
  assert.equal(visitor.unread, '');
});

test('a websocket that its origin broke off looks so', async (t) => {
  const { visitor, stream } = await open(t);
  stream.handler.reset(new AditError('ADIT_ORIGIN_FAILED', 'broke off'));
  await visitor.closed;
  assert.equal(visitor.unread, '');
});

/** A connection upgraded to a protocol that is not websockets. */
async function openOther(t: Cleanup): Promise<Open> {
  const edge = await TestEdge.start(t);
  const visitor = await edge.visit(t, edge.head('GET / HTTP/1.1', 'Connection: upgrade', 'Upgrade: echo'));
  const stream = await edge.stream();
  stream.handler.head({ status: 101, reason: '', fields: ['Connection', 'Upgrade', 'Upgrade', 'echo'] });
  assert.equal((await visitor.response()).status, 101);
  return { edge, visitor, stream };
}

test('behind the end of its service an upgraded visitor is heard until it is silent for 5 s', async (t) => {
  const { edge, visitor, stream } = await openOther(t);
  visitor.socket.allowHalfOpen = true;
  stream.handler.ended([]);
  await visitor.closed;
  for (const letter of 'abc') {
    edge.clock.advance(4_000);
    visitor.send(letter);
    await stream.until(`data ${letter}`);
  }
  edge.clock.advance(6_000);
  await stream.until('reset ADIT_VISITOR_GONE');
});

test('other protocols get no frames', async (t) => {
  const { edge, visitor, stream } = await openOther(t);
  await edge.websockets.restart();
  stream.handler.reset(lost);
  await visitor.closed;
  assert.equal(visitor.unread, '');
});
