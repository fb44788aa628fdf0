import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBeat, decodeEnvelope, encodeBeat, encodeEnvelopeHead, PendingMessages } from '#internal/bus/envelope';

const node = '0123456789abcdef';

function encode(messages: Buffer[]): Buffer {
  const pending = new PendingMessages();
  for (const message of messages) pending.add([message]);
  return Buffer.concat([encodeEnvelopeHead({ from: node, number: 7, stamp: 1234.5 }), ...pending.pieces]);
}

test('an envelope carries messages as they are', () => {
  const messages = [Buffer.from('one'), Buffer.alloc(0), Buffer.from([0, 255, 13, 10])];
  assert.deepEqual(decodeEnvelope(encode(messages)), { from: node, number: 7, stamp: 1234.5, messages });
});

test('a message in pieces is one message, and long pieces are not copied', () => {
  const long = Buffer.alloc(100_000, 7);
  const pending = new PendingMessages();
  assert.equal(pending.add([Buffer.from('head '), long]), 4 + 5 + long.length);
  assert.ok(pending.pieces.includes(long));
  assert.equal(pending.byteCount, Buffer.concat(pending.pieces).length);
  const head = encodeEnvelopeHead({ from: node, number: 7, stamp: 1234.5 });
  const { messages } = decodeEnvelope(Buffer.concat([head, ...pending.pieces]));
  assert.deepEqual(messages, [Buffer.concat([Buffer.from('head '), long])]);
});

test('an envelope of nothing is one', () => {
  assert.deepEqual(decodeEnvelope(encode([])).messages, []);
});

test('what was cut anywhere is refused', () => {
  const envelope = encode([Buffer.from('a message')]);
  const whole = encode([]).length;
  for (let length = 0; length < envelope.length; length += 1) {
    if (length === whole) continue;
    assert.throws(() => decodeEnvelope(envelope.subarray(0, length)), /shorter than its head|longer than its envelope/);
  }
});

test('a heartbeat is read, and nothing else is', () => {
  for (const kind of ['here', 'goodbye'] as const) {
    assert.deepEqual(decodeBeat(encodeBeat({ kind, node, stamp: 0.5 })), { kind, node, stamp: 0.5 });
  }
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(17), encode([]), Buffer.alloc(18, 1)]) {
    assert.throws(() => decodeBeat(bytes), /unknown kind/);
  }
});
