import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DiscardWatch } from '#internal/hub/edge/discard-watch';

/** At which second it is over, when so much has come by each of them. */
function overAt(watch: DiscardWatch, byteCounts: (second: number) => number): number {
  watch.begin(0);
  let second = 1;
  while (!watch.isOver(second * 1_000, byteCounts(second))) second += 1;
  return second;
}

test('bytes that nobody wants are taken as long as they come, and for 30 s at most', () => {
  const watch = new DiscardWatch();
  assert.equal(
    overAt(watch, () => 0),
    5,
  );
  assert.equal(
    overAt(watch, (second) => Math.min(second, 7)),
    12,
  );
  assert.equal(
    overAt(watch, (second) => Math.floor(second / 4)),
    30,
  );
  assert.equal(
    overAt(watch, (second) => second * 1_000_000_000),
    30,
  );
});
