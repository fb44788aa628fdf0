import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frameTypes } from '#messages/v2';
import { FakeClock } from '../support/fake-clock.ts';
import { Random } from '../support/random.ts';
import { RecordedResponse } from '../support/recorded-response.ts';
import { getHead } from '../support/stream-origin.ts';
import { creditFrame, LoneMux } from '../support/v2-wire.ts';

test('v2 mux: bodies of several streams stay whole while the lane is what holds them back', async () => {
  const clock = new FakeClock();
  const lone = new LoneMux({ clock });
  const random = new Random(3);
  const bodies = Array.from({ length: 3 }, () => random.bytes(1_000_000));
  const streams = bodies.map((body) => {
    const stream = lone.mux.open(0, getHead(), 30_000, new RecordedResponse());
    stream.write(body);
    stream.end();
    return stream;
  });
  await lone.settle();
  clock.advance(31);
  lone.receive(streams.map((_, i) => creditFrame(2 * i + 1, 1_000_000)));
  for (let batchCount = 0; batchCount < lone.batches.length; ) {
    batchCount = lone.batches.length;
    clock.advance(31);
    lone.receive([]);
    await lone.settle();
  }
  for (const [i, body] of bodies.entries()) {
    const frames = lone.frames.filter(({ id }) => id === 2 * i + 1);
    const data = frames.filter(({ type }) => type === frameTypes.data).map(({ payload }) => payload);
    assert.ok(Buffer.concat(data).equals(body), `body ${i}`);
    assert.equal(frames.at(-1)?.type, frameTypes.end);
  }
});

test('v2 mux: on a long way the window of a GET opens with it, but not that of a websocket', async () => {
  const lone = new LoneMux();
  lone.link.rttMs = 100;
  lone.mux.open(0, getHead('/chat', ['Upgrade', 'websocket']), 30_000, new RecordedResponse());
  await lone.settle();
  assert.deepEqual(
    lone.frames.map(({ type }) => type),
    [frameTypes.open],
  );
  lone.mux.open(0, getHead('/film'), 30_000, new RecordedResponse());
  await lone.settle();
  const credit = lone.frames.find(({ type }) => type === frameTypes.credit);
  assert.equal(credit?.id, 3);
  assert.ok((credit?.payload.readUIntBE(0, 6) ?? 0) >= 30 * 1_048_576);
});

test('v2 mux: what was written stays as it was when room is told of, and used, in the middle of writing it', async () => {
  const lone = new LoneMux();
  const response = new RecordedResponse();
  const stream = lone.mux.open(0, { method: 'POST', target: '/', fields: [] }, 30_000, response);
  lone.link.isWritable = false;
  assert.equal(stream.write(Buffer.alloc(70_000, 'a')), false);
  await lone.settle();
  response.drained = () => {
    response.drained = () => undefined;
    stream.write(Buffer.from('c'));
  };
  lone.link.isWritable = true;
  const buffer = Buffer.alloc(5_000, 'b');
  stream.write(buffer);
  buffer.fill('x');
  lone.receive([creditFrame(1, 1_000_000)]);
  await lone.settle();
  const data = lone.frames.filter(({ type }) => type === frameTypes.data).map(({ payload }) => payload);
  assert.equal(Buffer.concat(data).toString(), `${'a'.repeat(70_000)}${'b'.repeat(5_000)}c`);
});

test('v2 mux: a writer is held back before anything has to wait here, and told once there is room', async () => {
  const clock = new FakeClock();
  const lone = new LoneMux({ clock });
  const response = new RecordedResponse();
  let toldCount = 0;
  response.drained = () => {
    toldCount += 1;
  };
  const stream = lone.mux.open(0, { method: 'POST', target: '/', fields: [] }, 30_000, response);
  await lone.settle();
  lone.receive([creditFrame(1, 10_000_000)]);
  const piece = Buffer.alloc(40_000, 'a');
  let writtenBytes = piece.length;
  while (stream.write(piece)) writtenBytes += piece.length;
  await lone.settle();
  const data = lone.frames.filter(({ type }) => type === frameTypes.data);
  const sentBytes = data.reduce((sum, { payload }) => sum + payload.length, 0);
  assert.equal(sentBytes, writtenBytes, 'all of it went at once');
  assert.ok(writtenBytes > 3 * piece.length, `${writtenBytes} bytes`);
  assert.equal(toldCount, 0);
  clock.advance(5);
  lone.receive([]);
  await lone.settle();
  assert.equal(toldCount, 1);
});

test('v2 mux: a writer that is held back for want of a connection is told once there is one', async () => {
  const lone = new LoneMux();
  const response = new RecordedResponse();
  const told = new Promise<void>((resolve) => {
    response.drained = resolve;
  });
  const stream = lone.mux.open(0, { method: 'POST', target: '/', fields: [] }, 30_000, response);
  await lone.settle();
  lone.receive([creditFrame(1, 10_000_000)]);
  assert.equal(stream.write(Buffer.alloc(20_000, 'a')), true);
  await lone.settle();
  lone.link.isWritable = false;
  assert.equal(stream.write(Buffer.alloc(20_000, 'b')), false);
  lone.link.isWritable = true;
  lone.mux.wake();
  await told;
});
