import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lane } from '#internal/link/v2/lane';
import { limits } from '#messages/limits';
import { packetKinds, V2Error } from '#messages/v2';
import { FakeClock } from '../support/fake-clock.ts';
import { pairNode } from '../support/v2-pair.ts';
import { type Batch, batch, readBatch } from '../support/v2-wire.ts';

/** One lane, with what it says and gives; it sends an acknowledgement when it says that one is due, as a mux does. */
function newLane(epoch = 1) {
  const clock = new FakeClock();
  const sent: Batch[] = [];
  const delivered: string[] = [];
  const repairs: string[] = [];
  const lane: Lane = new Lane(
    { node: pairNode, epoch, start: 0, side: 'hub' },
    {
      clock,
      transmit: (packet) => sent.push(readBatch(packet)),
      deliver: (frames) => delivered.push(frames.toString()),
      age: () => undefined,
      rested: () => undefined,
      wake: () => lane.isAckDue && lane.send(Buffer.alloc(0)),
      onRepair: (what) => repairs.push(what),
    },
  );
  const take = (): Batch[] => sent.splice(0);
  return { lane, clock, sent, delivered, repairs, take };
}

const text = (value: string): Buffer => Buffer.from(value);

test('v2 lane: what is sent is numbered by its bytes', () => {
  const { lane, sent } = newLane();
  for (const value of ['abc', 'de', 'f']) lane.send(text(value));
  assert.deepEqual(
    sent.map(({ kind, node, epoch, seq, frames }) => [kind, node, epoch, seq, frames.toString()]),
    [
      [packetKinds.batch, pairNode, 1, 0, 'abc'],
      [packetKinds.batch, pairNode, 1, 3, 'de'],
      [packetKinds.batch, pairNode, 1, 5, 'f'],
    ],
  );
});

test('v2 lane: a buffer that was sent may be used again at once', () => {
  const { lane, sent } = newLane();
  const buffer = text('first');
  lane.send(buffer);
  buffer.fill('x');
  assert.equal(sent[0]?.frames.toString(), 'first');
});

test('v2 lane: the buffer of a long packet is used again once it was acknowledged, unless it was sent twice', () => {
  const { lane, sent } = newLane();
  const long = Buffer.alloc(limits.v2BatchSent, 'a');
  const scratch = lane.target;
  lane.send(long);
  assert.equal(lane.target, scratch, 'nothing is acknowledged yet');
  lane.receive(batch({ ack: long.length }));
  const { target } = lane;
  assert.ok(target !== scratch && target.equals(long));
  lane.send(target.fill('b'));
  lane.receive(batch({ kind: packetKinds.resend, ack: long.length }));
  lane.receive(batch({ ack: 2 * long.length }));
  assert.equal(lane.target, scratch, 'the second time may still be on its way');
  assert.deepEqual(
    sent.map(({ seq, frames }) => [seq, frames.length, String.fromCharCode(frames[9] as number)]),
    [
      [0, limits.v2BatchSent, 'a'],
      [limits.v2BatchSent, limits.v2BatchSent, 'b'],
      [limits.v2BatchSent, limits.v2BatchSent, 'b'],
    ],
  );
});

test('v2 lane: receipt is acknowledged after 20 ms when nothing else is sent', () => {
  const { lane, clock, take } = newLane();
  lane.receive(batch({ frames: text('abc') }));
  clock.advance(19.9);
  assert.deepEqual(take(), []);
  clock.advance(0.1);
  assert.deepEqual(
    take().map(({ ack, frames }) => [ack, frames.length]),
    [[3, 0]],
  );
  clock.advance(5_000);
  assert.deepEqual(take(), [], 'acknowledgements are not acknowledged');
});

test('v2 lane: an acknowledgement travels with the next batch, and then no empty one follows', () => {
  const { lane, clock, take } = newLane();
  lane.receive(batch({ frames: text('abc') }));
  lane.send(text('answer'));
  clock.advance(900);
  assert.deepEqual(
    take().map(({ ack, frames }) => [ack, frames.toString()]),
    [[3, 'answer']],
  );
});

test('v2 lane: after 128 KiB receipt is acknowledged at once', () => {
  const { lane, take } = newLane();
  const half = Buffer.alloc(65_536);
  lane.receive(batch({ frames: half }));
  assert.deepEqual(take(), []);
  lane.receive(batch({ seq: half.length, frames: half }));
  assert.deepEqual(
    take().map(({ ack }) => ack),
    [131_072],
  );
});

test('v2 lane: a gap is answered by one `resend`, and nothing behind it is delivered', () => {
  const { lane, clock, delivered, repairs, take } = newLane();
  lane.receive(batch({ frames: text('abc') }));
  lane.receive(batch({ seq: 6, frames: text('ghi') }));
  lane.receive(batch({ seq: 9, frames: text('jkl') }));
  assert.deepEqual(repairs, ['asked']);
  assert.deepEqual(
    take().map(({ kind, ack, frames }) => [kind, ack, frames.length]),
    [[packetKinds.resend, 3, 0]],
  );
  assert.deepEqual(delivered, ['abc']);
  clock.advance(999);
  lane.receive(batch({ seq: 12, frames: text('mno') }));
  assert.deepEqual(take(), []);
  clock.advance(1);
  lane.receive(batch({ seq: 12, frames: text('mno') }));
  assert.deepEqual(
    take().map(({ kind }) => kind),
    [packetKinds.resend],
    'asked again when nothing came of it',
  );
  lane.receive(batch({ seq: 3, frames: text('def') }));
  lane.receive(batch({ seq: 6, frames: text('ghi') }));
  assert.deepEqual(delivered, ['abc', 'def', 'ghi']);
});

test('v2 lane: `resend` brings everything that was not acknowledged, with the same bytes', () => {
  const { lane, repairs, take } = newLane();
  for (const value of ['abc', 'def', 'ghi']) lane.send(text(value));
  take();
  lane.receive(batch({ kind: packetKinds.resend, ack: 3 }));
  assert.deepEqual(repairs, ['sent']);
  assert.deepEqual(
    take().map(({ seq, frames }) => [seq, frames.toString()]),
    [
      [3, 'def'],
      [6, 'ghi'],
    ],
  );
});

test('v2 lane: a loss at the end shows after one second', () => {
  const { lane, clock, take } = newLane();
  lane.send(text('abc'));
  take();
  clock.advance(999);
  assert.deepEqual(take(), []);
  clock.advance(1);
  assert.deepEqual(
    take().map(({ kind, seq, frames }) => [kind, seq, frames.length]),
    [[packetKinds.batch, 2, 0]],
  );
  const far = newLane();
  far.lane.receive(batch({ seq: 2 }));
  assert.deepEqual(
    far.take().map(({ kind, ack }) => [kind, ack]),
    [[packetKinds.resend, 0]],
  );
});

test('v2 lane: a second counts from when the oldest of what is missed was sent', () => {
  const { lane, clock, take } = newLane();
  lane.send(text('abc'));
  clock.advance(300);
  lane.receive(batch({ ack: 3 }));
  lane.send(text('def'));
  take();
  clock.advance(999);
  assert.deepEqual(take(), []);
  clock.advance(1);
  assert.equal(take().length, 1);
  lane.receive(batch({ kind: packetKinds.resend, ack: 3 }));
  clock.advance(999);
  assert.equal(take().length, 1, 'what is sent again');
  clock.advance(1);
  assert.equal(take().length, 1);
});

test('v2 lane: a check finds at once what is missing at either end, whatever was asked for a moment ago', () => {
  const { lane, take } = newLane();
  lane.receive(batch({ seq: 3 }));
  lane.send(text('abc'));
  take();
  lane.check();
  const [question] = take();
  assert.deepEqual([question?.kind, question?.seq, question?.frames.length], [packetKinds.batch, 2, 0]);
  const misses = newLane();
  misses.lane.receive(batch({ seq: 2 }));
  assert.equal(misses.take()[0]?.kind, packetKinds.resend);
  const has = newLane();
  has.lane.receive(batch({ frames: text('abc') }));
  has.lane.send(text('lost'));
  has.take();
  has.lane.receive(batch({ seq: 2 }));
  const [answer] = has.take();
  assert.deepEqual([answer?.seq, answer?.ack], [4, 3]);
  lane.receive(batch({ seq: 4, ack: 3 }));
  assert.equal(take()[0]?.kind, packetKinds.resend);
});

test('v2 lane: where nothing was ever sent there is nothing to check', () => {
  const { lane, take } = newLane();
  lane.check();
  assert.deepEqual(take(), []);
});

test('v2 lane: an acknowledgement that was lost is given again after one second, and only then', () => {
  const { lane, clock, take } = newLane();
  const far = newLane();
  lane.send(text('abc'));
  for (const { frames } of take()) far.lane.receive(batch({ frames }));
  clock.advance(1_000);
  far.clock.advance(1_000);
  assert.equal(far.take().length, 1, 'the acknowledgement that is lost');
  for (const { seq } of take()) far.lane.receive(batch({ seq }));
  const again = far.take();
  assert.deepEqual(
    again.map(({ ack }) => ack),
    [3],
  );
  for (const { ack } of again) lane.receive(batch({ ack }));
  clock.advance(5_000);
  assert.deepEqual(take(), []);
});

test('v2 lane: once everything is acknowledged no timer is left', () => {
  const { lane, clock } = newLane();
  lane.send(text('abc'));
  lane.receive(batch({ ack: 3, frames: text('x') }));
  clock.advance(2_000);
  assert.equal(clock.pendingCount, 0);
});

test('v2 lane: a closed lane sends nothing, and leaves no timer', () => {
  const { lane, clock, take } = newLane();
  lane.send(text('abc'));
  lane.receive(batch({ frames: text('x') }));
  take();
  lane.close();
  clock.advance(3_000);
  assert.deepEqual(take(), []);
  assert.equal(clock.pendingCount, 0);
});

test('v2 lane: what is known already is passed over, and acknowledged at once', () => {
  const { lane, delivered, take } = newLane();
  lane.receive(batch({ frames: text('abc') }));
  lane.send(text('x'));
  take();
  lane.receive(batch({ frames: text('abc') }));
  assert.deepEqual(delivered, ['abc']);
  assert.deepEqual(
    take().map(({ ack }) => ack),
    [3],
  );
});

test('v2 lane: of a batch that is known in part only the rest is delivered', () => {
  const { lane, delivered } = newLane();
  lane.receive(batch({ frames: text('abc') }));
  lane.receive(batch({ seq: 1, frames: text('bcdef') }));
  assert.deepEqual(delivered, ['abc', 'def']);
});

for (const epoch of [0, 1, 3, 0xffff_ffff]) {
  test(`v2 lane: a batch of epoch ${epoch} is dropped in epoch 2, whatever it says; an older one is told the epoch`, () => {
    const { lane, clock, delivered, take } = newLane(2);
    lane.receive(batch({ epoch, frames: text('abc') }));
    lane.receive(batch({ epoch, ack: 99, seq: 77 }));
    lane.receive(batch({ epoch, kind: packetKinds.resend, ack: 99 }));
    clock.advance(2_000);
    assert.deepEqual(delivered, []);
    const answers = take().map(({ kind, epoch, seq, ack, frames }) => [kind, epoch, seq, ack, frames.length]);
    const answer = [packetKinds.batch, 2, 0, 0, 0];
    assert.deepEqual(answers, epoch < 2 ? [answer, answer, answer] : []);
  });
}

test('v2 lane: an acknowledgement of what was never sent is refused', () => {
  const { lane } = newLane();
  lane.send(text('abc'));
  lane.receive(batch({ ack: 3 }));
  assert.throws(() => lane.receive(batch({ ack: 4 })), V2Error);
  assert.throws(() => lane.receive(batch({ kind: packetKinds.resend, ack: 2 ** 48 - 1 })), V2Error);
});

test('v2 lane: an older acknowledgement changes nothing', () => {
  const { lane, take } = newLane();
  for (const value of ['abc', 'def']) lane.send(text(value));
  lane.receive(batch({ ack: 6 }));
  lane.receive(batch({ ack: 3 }));
  take();
  lane.receive(batch({ kind: packetKinds.resend, ack: 0 }));
  assert.deepEqual(take(), [], 'nothing is kept any more');
});

test('v2 lane: what was acknowledged is not kept, and gives room', () => {
  const { lane, take } = newLane();
  const room = lane.room;
  lane.send(text('abc'));
  lane.send(text('def'));
  assert.equal(lane.room, room - 6);
  lane.receive(batch({ ack: 4 }));
  take();
  lane.receive(batch({ kind: packetKinds.resend, ack: 4 }));
  assert.deepEqual(
    take().map(({ seq }) => seq),
    [3],
    'a batch is kept until its last byte is acknowledged',
  );
});

test('v2 lane: a batch that is shorter than its header, or not as long as it says, is refused', () => {
  const { lane } = newLane();
  const whole = batch({ frames: text('abc') });
  for (let length = 0; length < whole.length; length += 1) {
    assert.throws(() => lane.receive(whole.subarray(0, length)), V2Error, `${length} bytes`);
  }
  assert.throws(() => lane.receive(Buffer.concat([whole, text('d')])), V2Error);
});

test('v2 lane: a batch of more than 64 KiB of frames is refused', () => {
  const { lane } = newLane();
  assert.throws(() => lane.receive(batch({ frames: Buffer.alloc(limits.v2Batch + 1) })), V2Error);
});

test('v2 lane: a repetition is no measure of how long the way is', () => {
  const { lane, clock } = newLane();
  lane.send(Buffer.alloc(50_000));
  clock.advance(99);
  lane.receive(batch({ kind: packetKinds.resend }));
  clock.advance(1);
  // What arrives 1 ms after the repetition answers the original, which took 100 ms.
  lane.receive(batch({ ack: 50_000 }));
  assert.ok(lane.pace.minRttMs >= 100, `${lane.pace.minRttMs} ms`);
});
