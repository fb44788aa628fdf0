import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { encodeEnvelopeHead } from '#internal/bus/envelope';
import { Gathering } from '#internal/bus/gathering';
import { channelOf } from '#internal/bus/own-beat';
import { writePublish } from '#internal/core/redis-publish';
import { limits } from '#messages/limits';
import { encodeNodeMessage } from '#messages/node';
import { batchHeaderBytes } from '#messages/v2';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A gathering, and what it has sent: nodes, and the bytes of messages, each behind its length. */
function start(): { gathering: Gathering; sent: [node: string, byteCount: number][] } {
  const sent: [string, number][] = [];
  const gathering = new Gathering((node, { byteCount }) => {
    gathering.take(node);
    sent.push([node, byteCount]);
  });
  return { gathering, sent };
}

test('what one turn sends to a node goes together at its end, and very much at once', async () => {
  const { gathering, sent } = start();
  gathering.add('a', [Buffer.alloc(6)]);
  gathering.add('b', [Buffer.alloc(1)]);
  gathering.add('a', [Buffer.alloc(2), Buffer.alloc(4)]);
  assert.deepEqual(sent, []);
  await turn();
  assert.deepEqual(sent, [
    ['a', 20],
    ['b', 5],
  ]);
  assert.equal(gathering.byteCount, 0);
  gathering.add('a', [Buffer.alloc(300_000)]);
  assert.deepEqual(sent.at(-1), ['a', 300_004]);
});

test('what cannot go yet stays, and what is taken out does not go', async () => {
  const sent: string[] = [];
  let isReady = false;
  const gathering = new Gathering((node) => {
    if (!isReady) return;
    gathering.take(node);
    sent.push(node);
  });
  for (const node of ['a', 'b']) gathering.add(node, [Buffer.alloc(6)]);
  gathering.add('a', [Buffer.alloc(1)]);
  gathering.flushAll();
  assert.equal(gathering.byteCount, 25);
  assert.equal(gathering.take('a'), 2);
  assert.equal(gathering.take('a'), 0);
  assert.equal(gathering.byteCount, 10);
  isReady = true;
  gathering.flushAll();
  assert.deepEqual(sent, ['b']);
});

test('a full batch goes at once, and with all that Redis sends around it 64 KiB have room for it', () => {
  const node = '0123456789abcdef';
  const wire = new PassThrough({ highWaterMark: 1_048_576 });
  const gathering = new Gathering((to, { pieces }) => {
    gathering.take(to);
    const head = encodeEnvelopeHead({ from: node, number: 1, stamp: 0 });
    writePublish(wire, channelOf(to), [head, ...pieces], () => undefined);
    // It is written at the end of the callback.
    wire.uncork();
  });
  gathering.add(node, [
    encodeNodeMessage('toAgent', randomUUID()),
    Buffer.alloc(batchHeaderBytes + limits.v2BatchSent),
  ]);
  const published = wire.readableLength;
  assert.ok(published > limits.v2BatchSent && published <= 65_536, String(published));
});
