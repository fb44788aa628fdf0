import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OriginCheck } from '#internal/agent/origin-check';
import { FakeClock } from '../support/fake-clock.ts';
import { quietTurns } from '../support/peer.ts';

/** An origin whose state the test decides, and what was concluded of it, as seconds and outcome. */
function startCheck() {
  const clock = new FakeClock();
  const seen = { trouble: undefined as string | undefined, told: [] as string[], checks: 0 };
  const check = new OriginCheck({
    clock,
    check: async () => {
      seen.checks += 1;
      return seen.trouble;
    },
    onChecked: (trouble) => seen.told.push(`${clock.now() / 1_000} ${trouble ?? 'up'}`),
  });
  return { clock, seen, check };
}

async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    clock.advance(500);
    await quietTurns();
  }
}

test('origin check: at once, then every 30 s, and every 2 s while it is down', async () => {
  const { clock, seen, check } = startCheck();
  await quietTurns();
  await pass(clock, 29_500);
  seen.trouble = 'down';
  await pass(clock, 5_000);
  seen.trouble = undefined;
  await pass(clock, 10_000);
  assert.deepEqual(seen.told, ['0 up', '30 down', '32 down', '34 down', '36 up']);
  check.stop();
  assert.equal(clock.pendingCount, 0);
});

test('origin check: a failed request asks for one at once, a thousand for one each half second', async () => {
  const { clock, seen, check } = startCheck();
  await quietTurns();
  await pass(clock, 10_000);
  seen.trouble = 'down';
  for (let i = 0; i < 1_000; i += 1) check.suspect();
  clock.advance(0);
  await quietTurns();
  assert.deepEqual(seen.told, ['0 up', '10 down']);
  for (let i = 0; i < 1_000; i += 1) check.suspect();
  await pass(clock, 500);
  assert.equal(seen.checks, 3);
  check.stop();
});

test('origin check: what it learns after it was stopped is told to nobody', async () => {
  const { clock, seen, check } = startCheck();
  check.stop();
  check.suspect();
  await quietTurns();
  assert.deepEqual(seen.told, []);
  assert.equal(clock.pendingCount, 0);
});
