import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeBeat,
  decodeEnvelope,
  encodeBeat,
  encodeEnvelopeHead,
  encodeMessageLength,
} from '#internal/bus/envelope';

const node = '0123456789abcdef';

function encode(messages: Buffer[]): Buffer {
  const pieces = messages.flatMap((message) => [encodeMessageLength(message.length), message]);
  return Buffer.concat([encodeEnvelopeHead({ from: node, number: 7, stamp: 1234.5 }), ...pieces]);
}

test('an envelope carries messages as they are', () => {
  const messages = [Buffer.from('one'), Buffer.alloc(0), Buffer.from([0, 255, 13, 10])];
  assert.deepEqual(decodeEnvelope(encode(messages)), { from: node, number: 7, stamp: 1234.5, messages });
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
