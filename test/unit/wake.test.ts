import assert from 'node:assert/strict';
import { test } from 'node:test';
import { watchWake } from '#internal/agent/wake';
import { FakeClock } from '../support/fake-clock.ts';

for (const isCounted of [true, false]) {
  test(`wake: a sleep is noticed once, with a monotonic clock that ${isCounted ? 'runs on' : 'stands still'}`, () => {
    const clock = new FakeClock();
    let wakes = 0;
    const stop = watchWake(clock, () => {
      wakes += 1;
    });
    clock.advance(60_000);
    assert.equal(wakes, 0);
    clock.sleep(30_000, { isCounted });
    clock.advance(1_000);
    assert.equal(wakes, 1);
    clock.advance(60_000);
    assert.equal(wakes, 1);
    stop();
    assert.equal(clock.pendingCount, 0);
  });
}

test('wake: a machine that was busy for seconds has not slept', () => {
  const clock = new FakeClock();
  watchWake(clock, () => assert.fail('it was awake'));
  for (let i = 0; i < 10; i += 1) {
    clock.sleep(3_900, { isCounted: true });
    clock.advance(1_000);
  }
});
