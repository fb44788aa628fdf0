import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { AditError } from '#internal/core/errors';
import type { AcceptedStream, Stream } from '#internal/link/stream';
import { MuxStream, type StreamOwner, type StreamSender } from '#internal/link/v2/mux-stream';
import { Outbox } from '#internal/link/v2/outbox';
import { ReceiveWindow, WindowBudget } from '#internal/link/v2/receive-window';
import { limits } from '#messages/limits';
import { frameTypes } from '#messages/v2';
import { RecordedResponse } from '../support/recorded-response.ts';
import { getHead, responseHead, silentHandler } from '../support/stream-origin.ts';
import { creditFrame, frame, isUntouched, LoneMux, openFrame, readFrames } from '../support/v2-wire.ts';

const gone = new AditError('ADIT_VISITOR_GONE', 'the visitor has left');
const open = (lone: LoneMux, response = new RecordedResponse()) => lone.mux.open(0, getHead(), 30_000, response);

/** An agent's end with streams 1, 3, … open. */
function agentWith(count: number): { lone: LoneMux; streams: AcceptedStream[] } {
  const streams: AcceptedStream[] = [];
  const lone = new LoneMux({
    side: 'agent',
    accept: (_tunnel, _head, stream) => {
      streams.push(stream);
      return silentHandler;
    },
  });
  lone.receive(Array.from({ length: count }, (_, i) => openFrame(2 * i + 1)));
  return { lone, streams };
}

/** A stream, and how often whoever writes to it was told to go on. */
function drainable(): { lone: LoneMux; stream: Stream; told: { count: number } } {
  const lone = new LoneMux();
  const response = new RecordedResponse();
  const told = { count: 0 };
  response.drained = () => {
    told.count += 1;
  };
  return { lone, stream: open(lone, response), told };
}

/** A stream whose data waits in this outbox. */
function streamOf(outbox: Outbox, id: number): MuxStream {
  const sender: StreamSender = {
    now: 0,
    rttMs: 1,
    sendHead: () => undefined,
    sendUrgent: () => undefined,
    sendData: (stream) => outbox.putData(stream),
    awaitsRoom: () => false,
  };
  const owner: StreamOwner = { upgraded: () => undefined, forget: () => undefined };
  const window = new ReceiveWindow(new WindowBudget(0), 0);
  return new MuxStream(id, { owner, sender, window, isOpener: false });
}

test('v2 mux: what is urgent goes first, then heads, then data', async () => {
  const { lone, streams } = agentWith(3);
  const [a, b, c] = streams as [AcceptedStream, AcceptedStream, AcceptedStream];
  a.write(Buffer.from('data'));
  b.head(responseHead(200));
  c.stop();
  await lone.settle();
  assert.deepEqual(lone.order, ['stop:5', 'head:3', 'data:1']);
});

test('v2 mux: a head is not overtaken by the data and the end behind it, however many heads wait', async () => {
  const { lone, streams } = agentWith(100);
  for (const stream of streams) {
    stream.head(responseHead(200, ['X-Long', 'x'.repeat(5_000)]));
    stream.write(Buffer.from('body'));
    stream.end();
  }
  await lone.settle();
  lone.receive([]);
  await lone.settle();
  for (let id = 1; id < 200; id += 2) {
    const own = lone.order.filter((entry) => entry.endsWith(`:${id}`));
    assert.deepEqual(own, [`head:${id}`, `data:${id}`, `end:${id}`]);
  }
  assert.ok(lone.batches.every(({ frames }) => frames.length <= limits.v2BatchSent));
});

test('v2 mux: whole messages of two turns of the loop leave together', async () => {
  const { lone, streams } = agentWith(2);
  for (const stream of streams) {
    stream.head(responseHead(204));
    stream.end();
    await turn();
  }
  await lone.settle();
  const sent = lone.batches.filter(({ frames }) => frames.length > 0);
  assert.deepEqual(
    sent.map(({ frames }) => readFrames(frames).map(({ id }) => id)),
    [[1, 3, 1, 3]],
  );
});

test('v2 mux: what streams begin with goes first, then they send in turns of 16 KiB', async () => {
  const { lone, streams } = agentWith(3);
  // A body as long as that is not gathered, so there are turns only while it can't leave at once.
  lone.link.isWritable = false;
  for (const stream of streams) stream.write(Buffer.alloc(65_536));
  lone.link.isWritable = true;
  lone.mux.wake();
  await lone.settle();
  const turns = lone.frames.map(({ id, payload }) => [id, payload.length]);
  assert.deepEqual(turns.slice(0, 6), [
    [1, 4_096],
    [3, 4_096],
    [5, 4_096],
    [1, 16_384],
    [3, 16_384],
    [5, 16_384],
  ]);
  assert.ok(turns.every(([, length]) => (length as number) <= 16_384));
  for (const id of [1, 3, 5]) {
    const own = lone.frames.filter((sent) => sent.id === id);
    assert.equal(
      own.reduce((sum, { payload }) => sum + payload.length, 0),
      65_536,
    );
  }
});

for (const [speed, lengths] of [
  ['fast', [4_096, 4_096, 57_064]],
  ['usual', [4_096, 4_096, 16_384, 16_384, 16_384, 7_888]],
  ['slow', [4_096, 4_096, 8_168]],
] as const) {
  test(`v2 mux: turns on a ${speed} way`, () => {
    const outbox = new Outbox();
    for (const id of [1, 3]) streamOf(outbox, id).write(Buffer.alloc(65_536));
    const way = { room: 1_048_576, pace: { isSlow: speed === 'slow', isFast: speed === 'fast' } };
    const batch = outbox.gather(way, Buffer.alloc(limits.v2BatchSent), 0);
    assert.deepEqual(
      readFrames(batch).map(({ payload }) => payload.length),
      lengths,
    );
  });
}

test('v2 mux: whoever waits for room has its turn where others always have something waiting, the first one first', () => {
  const outbox = new Outbox();
  const [busy, first, second] = [1, 3, 5].map((id) => streamOf(outbox, id)) as [MuxStream, MuxStream, MuxStream];
  outbox.awaitRoom(first);
  outbox.awaitRoom(second);
  // What is on its way will be acknowledged, and then there is room.
  assert.deepEqual(outbox.takeRelieved({ hasRoom: false }), []);
  busy.write(Buffer.alloc(65_536));
  assert.deepEqual(outbox.takeRelieved({ hasRoom: false }), [first]);
  assert.deepEqual(outbox.takeRelieved({ hasRoom: false }), [second]);
  assert.deepEqual(outbox.takeRelieved({ hasRoom: true }), []);
});

test('v2 mux: a long piece leaves at once, and an answering end may use its buffer again in any case', async () => {
  const { lone, streams } = agentWith(1);
  const [stream] = streams as [AcceptedStream];
  const buffer = Buffer.alloc(60_000, 'a');
  stream.write(buffer);
  assert.deepEqual(lone.order, ['data:1', 'data:1'], 'its beginning, and the rest');
  stream.write(buffer.fill('b'));
  buffer.fill('c');
  stream.end();
  await lone.settle();
  lone.receive([creditFrame(1, 200_000)]);
  await lone.settle();
  const data = lone.frames.filter(({ type }) => type === frameTypes.data).map(({ payload }) => payload);
  assert.equal(Buffer.concat(data).toString(), 'a'.repeat(60_000) + 'b'.repeat(60_000));
});

test('v2 mux: a small stream is not held up behind a big one', async () => {
  const { lone, streams } = agentWith(2);
  lone.receive([creditFrame(1, 10_000_000)]);
  const [big, small] = streams as [AcceptedStream, AcceptedStream];
  lone.link.isWritable = false;
  big.write(Buffer.alloc(1_000_000));
  small.head(responseHead(200));
  small.write(Buffer.from('small'));
  small.end();
  await lone.settle();
  lone.link.isWritable = true;
  lone.mux.wake();
  await lone.settle();
  const before = lone.frames.slice(0, lone.order.indexOf('end:3'));
  const bigBytes = before.filter(({ id }) => id === 1).reduce((sum, { payload }) => sum + payload.length, 0);
  assert.ok(bigBytes <= 16_384, `${bigBytes} bytes of the big one came first`);
});

test('v2 mux: a full lane holds data back, and what is urgent and heads go on', async () => {
  const { lone, streams } = agentWith(3);
  const [a, b, c] = streams as [AcceptedStream, AcceptedStream, AcceptedStream];
  lone.receive([creditFrame(1, 10_000_000)]);
  a.write(Buffer.alloc(5_000_000));
  await lone.settle();
  const sentBytes = lone.sentBytes;
  assert.ok(sentBytes <= 262_144, String(sentBytes));
  a.write(Buffer.alloc(1));
  b.head(responseHead(204));
  c.reset(gone);
  await lone.settle();
  assert.deepEqual(lone.order.slice(-2), ['reset:5', 'head:3']);
});

test('v2 mux: while the link is full nothing is sent, and afterwards everything', async () => {
  const { lone, streams } = agentWith(1);
  lone.link.isWritable = false;
  streams[0]?.head(responseHead(200));
  streams[0]?.write(Buffer.from('body'));
  streams[0]?.end();
  await lone.settle();
  assert.deepEqual(lone.order, []);
  lone.link.isWritable = true;
  lone.mux.wake();
  await lone.settle();
  assert.deepEqual(lone.order, ['head:1', 'data:1', 'end:1']);
});

test('v2 mux: a stream sends no more than it was granted, and its end only after all its data', async () => {
  const lone = new LoneMux();
  const stream = open(lone);
  stream.write(Buffer.alloc(100_000));
  stream.end();
  await lone.settle();
  const dataBytes = (): number =>
    lone.frames.filter(({ type }) => type === frameTypes.data).reduce((sum, { payload }) => sum + payload.length, 0);
  assert.equal(dataBytes(), limits.streamWindow);
  lone.receive([creditFrame(1, 10)]);
  await lone.settle();
  assert.equal(dataBytes(), limits.streamWindow, 'a lower limit changes nothing');
  lone.receive([creditFrame(1, 80_000)]);
  await lone.settle();
  assert.equal(dataBytes(), 80_000);
  assert.ok(!lone.order.includes('end:1'));
  lone.receive([creditFrame(1, 2 ** 48 - 1)]);
  await lone.settle();
  assert.equal(dataBytes(), 100_000);
  assert.equal(lone.order.at(-1), 'end:1');
});

test('v2 mux: `drained` comes after `write` has asked to hold back, and only then', async () => {
  const { lone, stream, told } = drainable();
  assert.equal(stream.write(Buffer.alloc(1_000)), true);
  await lone.settle();
  assert.equal(told.count, 0);
  assert.equal(stream.write(Buffer.alloc(300_000)), false);
  await lone.settle();
  assert.equal(told.count, 0, 'its window is full');
  lone.receive([creditFrame(1, 1_000_000)]);
  await lone.settle();
  lone.receive([]);
  await lone.settle();
  assert.equal(told.count, 1);
  assert.equal(stream.write(Buffer.alloc(1_000)), true);
});

test('v2 mux: one read is all that waits of a stream whose receiver is slow', async () => {
  const { lone, stream, told } = drainable();
  assert.equal(stream.write(Buffer.alloc(65_440)), true, 'its window takes it');
  await lone.settle();
  assert.equal(stream.write(Buffer.alloc(65_440)), false);
  lone.receive([creditFrame(1, 130_000)]);
  await lone.settle();
  assert.equal(told.count, 0, 'a rest waits');
  assert.equal(stream.write(Buffer.alloc(1)), false, 'whoever writes all the same is still to be told');
  lone.receive([creditFrame(1, 140_000)]);
  await lone.settle();
  assert.equal(told.count, 1);
});

test('v2 mux: of a stream that ends before its `open` was sent, the other end hears nothing', async () => {
  const hub = new LoneMux();
  const stream = open(hub);
  stream.stop();
  stream.reset(gone);
  await hub.settle();
  assert.deepEqual(hub.order, []);
  assert.equal(hub.mux.streamCount, 0);
});

for (const action of ['stop', 'stop and reset'] as const) {
  test(`v2 mux: ${action} of a stream that has just been opened do not overtake its \`open\``, async () => {
    const hub = new LoneMux();
    const stream = open(hub);
    stream.stop();
    await hub.settle();
    if (action !== 'stop') stream.reset(gone);
    await hub.settle();
    assert.equal(hub.order[0], 'open:1');
    const seen: string[] = [];
    const agent = new LoneMux({
      side: 'agent',
      accept: () => ({ ...silentHandler, stopped: () => seen.push('stopped'), reset: ({ code }) => seen.push(code) }),
    });
    agent.receive(hub.batches.map(({ frames }) => frames));
    assert.equal(agent.strayCount, 0);
    assert.deepEqual(seen, action === 'stop' ? ['stopped'] : ['stopped', gone.code]);
    assert.equal(agent.mux.streamCount, action === 'stop' ? 1 : 0);
  });
}

test('v2 mux: frames for streams that are over are passed over and counted', async () => {
  const lone = new LoneMux();
  open(lone).reset(gone);
  lone.receive([frame(frameTypes.data, 1, 'late'), frame(frameTypes.head, 1, 'not HTTP'), frame(frameTypes.end, 77)]);
  assert.equal(lone.strayCount, 3);
  assert.ok(isUntouched(lone.budget));
});
