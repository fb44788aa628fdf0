import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { AditError } from '#internal/core/errors';
import type { Limiter, Rate } from '#internal/hub/limiter/limiter';

/** Makes the limiters of so many hubs, of which the first holds all sessions. */
export type MakeLimiters = (t: TestContext, rate: Rate, count: number) => Promise<Limiter[]>;

async function isAdmitted(asked: Promise<unknown> | undefined): Promise<boolean> {
  try {
    await asked;
    return true;
  } catch (error) {
    assert.ok(error instanceof AditError && error.code === 'ADIT_RATE_LIMITED', String(error));
    assert.ok(Number(error.retryAfterSeconds) >= 1);
    return false;
  }
}

/** What every limiter promises. */
export function limiterContract(name: string, makeLimiters: MakeLimiters): void {
  test(`${name}: requests at the same time through several hubs are counted each`, async (t) => {
    const limiters = await makeLimiters(t, { count: 20, windowMs: 60_000 }, 3);
    const asked = Array.from({ length: 60 }, (_, i) => isAdmitted((limiters[i % 3] as Limiter).admit('a')));
    assert.equal((await Promise.all(asked)).filter(Boolean).length, 20);
  });

  test(`${name}: requests one after the other through several hubs are counted each`, async (t) => {
    const limiters = await makeLimiters(t, { count: 20, windowMs: 60_000 }, 3);
    let admitted = 0;
    for (let i = 0; i < 60; i += 1) if (await isAdmitted((limiters[i % 3] as Limiter).admit('a'))) admitted += 1;
    assert.equal(admitted, 20);
  });

  test(`${name}: one tunnel does not use up what another may`, async (t) => {
    const limiters = await makeLimiters(t, { count: 1, windowMs: 60_000 }, 2);
    for (const tunnel of ['a', 'b']) {
      const results = [];
      for (const limiter of limiters) results.push(await isAdmitted(limiter.admit(tunnel)));
      assert.deepEqual(results, [true, false], tunnel);
    }
  });

  test(`${name}: a high rate is hardly ever asked for, and never exceeded`, async (t) => {
    const limiters = await makeLimiters(t, { count: 20_000, windowMs: 60_000 }, 2);
    let [admitted, waits] = [0, 0];
    for (let i = 0; i < 25_000; i += 1) {
      const asked = limiters[Math.floor(i / 6_000) % 2]?.admit('a');
      if (asked) waits += 1;
      if (await isAdmitted(asked)) admitted += 1;
    }
    assert.equal(admitted, 20_000);
    t.diagnostic(`${waits} of 25,000 had to wait`);
  });
}
