import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backoff } from '#internal/core/backoff';

/** What `Math.random` gives at most. */
const almostOne = 1 - 2 ** -53;

/** The ceilings of a number of attempts, each made after such an outage. */
function ceilings(backoff: Backoff, outagesMs: number[]): number[] {
  return outagesMs.map((outageMs) => Math.round(backoff.next(outageMs)));
}

test('the ceiling doubles from 100 ms to 2 s and stays there', () => {
  const outages = new Array<number>(8).fill(0);
  assert.deepEqual(ceilings(new Backoff(() => almostOne), outages), [100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000]);
});

test('after 2 minutes of outage the ceiling is 15 s', () => {
  assert.deepEqual(
    ceilings(new Backoff(() => almostOne), [0, 119_999, 120_000, 3_600_000]),
    [100, 200, 15_000, 15_000],
  );
});

test('the jitter is full: every wait from 0 up to the ceiling can be', () => {
  assert.equal(new Backoff(() => 0).next(0), 0);
  assert.equal(new Backoff(() => 0).next(200_000), 0);
  assert.equal(new Backoff(() => 0.5).next(0), 50);
  assert.ok(new Backoff(() => almostOne).next(0) < 100);
});

test('after a success it starts over', () => {
  const backoff = new Backoff(() => almostOne);
  ceilings(backoff, [0, 0, 0, 0]);
  backoff.reset();
  assert.deepEqual(ceilings(backoff, [0, 0]), [100, 200]);
});

test('without a source of chance of its own it stays within the bounds and does not repeat itself', () => {
  const waits = Array.from({ length: 50 }, () => new Backoff().next(0));
  for (const wait of waits) assert.ok(wait >= 0 && wait < 100);
  assert.ok(new Set(waits).size > 1);
});

test('a very long outage of very many attempts keeps the wait finite', () => {
  const backoff = new Backoff(() => almostOne);
  for (let i = 0; i < 2_000; i += 1) assert.ok(Number.isFinite(backoff.next(0)));
  assert.equal(Math.round(backoff.next(0)), 2_000);
});
