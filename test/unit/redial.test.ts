import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redial } from '#internal/agent/redial';
import { FakeClock } from '../support/fake-clock.ts';
import { quietTurns } from '../support/peer.ts';

const almostOne = 1 - 2 ** -53;

/** The ceilings of the next attempts. */
function ceilings(redial: Redial, count: number): number[] {
  return Array.from({ length: count }, () => redial.next());
}

test('redial: an outage counts from the loss, not from the start of the agent', () => {
  const clock = new FakeClock();
  const redial = new Redial(clock, () => almostOne);
  ceilings(redial, 3);
  clock.advance(3_600_000);
  redial.lost();
  assert.deepEqual(ceilings(redial, 6), [100, 200, 400, 800, 1_600, 2_000]);
  clock.advance(119_999);
  assert.equal(redial.next(), 2_000);
  clock.advance(1);
  assert.equal(redial.next(), 15_000);
});

test('redial: a hub that was never reached is an outage since the start', () => {
  const clock = new FakeClock();
  const redial = new Redial(clock, () => almostOne);
  clock.advance(120_000);
  assert.equal(redial.next(), 15_000);
});

test('redial: what the hub asks for is waited for, and an hour at most', () => {
  const redial = new Redial(new FakeClock(), () => 0.5);
  assert.equal(redial.next(7_000), 7_050);
  assert.equal(redial.next(Number.POSITIVE_INFINITY), 3_600_100);
});

test('redial: a wait ends with its time, at once when something has changed, or with the agent', async () => {
  const clock = new FakeClock();
  const redial = new Redial(clock, () => almostOne);
  const closing = new AbortController();
  const ended: string[] = [];
  const wait = (name: string): void => void redial.wait(1_000, closing.signal).then(() => ended.push(name));

  wait('time');
  clock.advance(999);
  await quietTurns();
  assert.deepEqual(ended, []);
  clock.advance(1);
  await quietTurns();
  wait('change');
  redial.now();
  await quietTurns();
  wait('close');
  closing.abort();
  await quietTurns();
  wait('closed before');
  await quietTurns();
  assert.deepEqual(ended, ['time', 'change', 'close', 'closed before']);
  assert.equal(clock.pendingCount, 0);
});

test('redial: after a change the attempts come fast again, and a change without a wait does nothing else', () => {
  const redial = new Redial(new FakeClock(), () => almostOne);
  ceilings(redial, 5);
  redial.now();
  assert.deepEqual(ceilings(redial, 2), [100, 200]);
});
