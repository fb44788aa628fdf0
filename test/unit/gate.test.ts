import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AditError } from '#internal/core/errors';
import { Gate } from '#internal/hub/gate';
import type { Rate } from '#internal/hub/limiter/limiter';
import { loneLimiter } from '../support/lone-limiter.ts';

function gate(rate: Rate | undefined, maxBodyBytes = 10): Gate {
  return new Gate({ limiter: rate && loneLimiter(rate), maxBodyBytes });
}

async function refusal(asked: Promise<unknown> | undefined): Promise<AditError> {
  assert.ok(asked);
  return await asked.then(
    () => assert.fail('it was let through'),
    (error: unknown) => {
      assert.ok(error instanceof AditError);
      return error;
    },
  );
}

test('so many requests of a tunnel pass and the next one is told when to come again', async () => {
  const limited = gate({ count: 3, windowMs: 90_000 });
  for (let i = 0; i < 3; i += 1) await limited.admit('a');
  const error = await refusal(limited.admit('a'));
  assert.equal(error.code, 'ADIT_RATE_LIMITED');
  const seconds = error.retryAfterSeconds ?? 0;
  assert.ok(Number.isInteger(seconds) && seconds > 80 && seconds <= 90, String(seconds));
  assert.match(error.message, /takes 3 requests in 90 s: try again in \d+ s \(--rate-limit\)/);
});

test('one tunnel does not use up what another may', async () => {
  const limited = gate({ count: 1, windowMs: 60_000 });
  await limited.admit('a');
  await limited.admit('b');
  await refusal(limited.admit('a'));
  await refusal(limited.admit('b'));
});

test('a wait of less than a second is told as one', async () => {
  const limited = gate({ count: 1, windowMs: 300 });
  await limited.admit('a');
  assert.equal((await refusal(limited.admit('a'))).retryAfterSeconds, 1);
});

test('requests at the same time are counted each', async () => {
  const limited = gate({ count: 5, windowMs: 60_000 });
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => limited.admit('a')));
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 5);
});

test('without a rate everything passes, and nothing is waited for', () => {
  const open = gate(undefined);
  for (let i = 0; i < 100; i += 1) assert.equal(open.admit('a'), undefined);
});

test('a body of exactly the limit passes in both directions, one byte more does not', () => {
  const limited = gate(undefined, 10);
  limited.checkRequestBody(10);
  limited.checkResponseBody(10);
  const isCode = (code: string) => (error: unknown) => {
    assert.ok(error instanceof AditError);
    assert.match(error.message, /10 bytes of --max-body: whoever runs the hub can set it higher, or to unlimited$/);
    return error.code === code;
  };
  assert.throws(() => limited.checkRequestBody(11), isCode('ADIT_REQUEST_TOO_LARGE'));
  assert.throws(() => limited.checkResponseBody(11), isCode('ADIT_RESPONSE_TOO_LARGE'));
});

test('without a limit a body may be as long as it likes', () => {
  const open = gate(undefined, Number.POSITIVE_INFINITY);
  open.checkRequestBody(2 ** 50);
  open.checkResponseBody(2 ** 50);
});
