import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Fields } from '#internal/http1/fields';
import { limits } from '#messages/limits';
import { FakeClock } from '../support/fake-clock.ts';
import { RecordedResponse } from '../support/recorded-response.ts';
import { getHead, responseHead, silentHandler } from '../support/stream-origin.ts';
import { connectV2Pair } from '../support/v2-pair.ts';

test('v2 heads: the same head is read once, until nothing was under way for a while', async () => {
  const clock = new FakeClock();
  const asked: Fields[] = [];
  const { opener } = await connectV2Pair(
    (head, stream) => {
      asked.push(head.fields);
      stream.head(responseHead(200, ['Date', 'D']));
      stream.end();
      return silentHandler;
    },
    { clock },
  );
  const answered: unknown[] = [];
  for (const isLater of [false, false, true]) {
    // Packets take their turns of the event loop.
    for (let i = 0; isLater && i < 30; i += 1) {
      clock.advance(100);
      await setImmediate();
    }
    const response = new RecordedResponse();
    opener.open(getHead('/', ['Cookie', 'a']), response).end();
    await response.done;
    answered.push(response.final);
  }
  assert.equal(asked[0], asked[1]);
  assert.notEqual(asked[1], asked[2]);
  assert.deepEqual(asked[1], asked[2]);
  assert.equal(answered[0], answered[1]);
  assert.notEqual(answered[1], answered[2]);
  assert.deepEqual(answered[1], answered[2]);
});

test('v2 heads: what a hub adds to a head that is as large as it may be passes', async () => {
  const fields = Array.from({ length: limits.fieldCount + 5 }, (_, i) => [`X-${i}`, 'y']).flat();
  fields.push('X-Forwarded-For', 'x'.repeat(limits.requestHead));
  const asked: Fields[] = [];
  const { opener } = await connectV2Pair(
    (head, stream) => {
      asked.push(head.fields);
      stream.head(responseHead(200));
      stream.end();
      return silentHandler;
    },
    { clock: new FakeClock() },
  );
  const response = new RecordedResponse();
  opener.open(getHead('/', fields), response).end();
  await response.done;
  assert.equal(response.error, undefined);
  assert.deepEqual(asked, [fields]);
});
