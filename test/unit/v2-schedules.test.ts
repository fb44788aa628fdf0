import assert from 'node:assert/strict';
import { test } from 'node:test';
import { caseCount } from '../support/random.ts';
import { runSchedule } from '../support/v2-schedule.ts';

const seed = Number(process.env['ADIT_FUZZ_SEED'] ?? 20_261_121);

async function runAll(count: number, firstSeed: number, streamCount: (caseSeed: number) => number): Promise<void> {
  for (let caseSeed = firstSeed; caseSeed < firstSeed + count; caseSeed += 1) {
    try {
      await runSchedule(caseSeed, streamCount(caseSeed));
    } catch (error) {
      const again = `ADIT_FUZZ_SEED=${caseSeed} ADIT_FUZZ_CASES=1`;
      throw new Error(`a schedule failed, run it again with ${again}`, { cause: error });
    }
  }
}

test('v2: over a link that drops, doubles, reorders and delays, every byte arrives once and every stream ends', async () => {
  const count = caseCount(10_000);
  await runAll(count, seed, (caseSeed) => 1 + (caseSeed % 3));
});

test('v2: the same with hundreds of streams at once', async () => {
  await runAll(3, seed + 1_000_000, () => 300);
});

test('v2: a link that fails nothing is not asked to send anything again', async () => {
  const { resends } = await runSchedule(seed, 50, { isPerfect: true });
  assert.equal(resends, 0);
});
