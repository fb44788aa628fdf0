import assert from 'node:assert/strict';
import { test } from 'node:test';
import { caseCount } from '../support/random.ts';
import { runRoamingSchedule } from '../support/v2-roaming-schedule.ts';

const seed = Number(process.env['ADIT_FUZZ_SEED'] ?? 20_261_121);

test('v2 resume: whatever links and bus lose, every byte arrives once and both ends agree on the end', async () => {
  const count = caseCount(10_000);
  let cutCount = 0;
  for (let caseSeed = seed; caseSeed < seed + count; caseSeed += 1) {
    try {
      const { cuts } = await runRoamingSchedule(caseSeed, 1 + (caseSeed % 3));
      cutCount += cuts;
    } catch (error) {
      const again = `ADIT_FUZZ_SEED=${caseSeed} ADIT_FUZZ_CASES=1`;
      throw new Error(`a schedule failed, run it again with ${again}`, { cause: error });
    }
  }
  assert.ok(cutCount >= count || count < 100, `only ${cutCount} connections were cut`);
});
