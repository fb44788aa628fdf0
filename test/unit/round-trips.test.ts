import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RoundTrips } from '#internal/link/round-trips';

const free = { isQueueEmpty: true };

test('round trips: the first is taken as it is, later ones count an eighth', () => {
  const trips = new RoundTrips();
  assert.equal(trips.ms, undefined);
  assert.ok(trips.answered(trips.ask(1_000, free), 1_080));
  assert.equal(trips.ms, 80);
  assert.ok(trips.answered(trips.ask(2_000, free), 2_160));
  assert.equal(trips.ms, 90);
});

test('round trips: a ping that waits behind other data measures nothing', () => {
  const trips = new RoundTrips();
  assert.equal(trips.answered(trips.ask(0, { isQueueEmpty: false }), 5_000), false);
  assert.equal(trips.ms, undefined);
});

test('round trips: answers to older pings, to none and repeated ones measure nothing', () => {
  const trips = new RoundTrips();
  assert.equal(trips.answered(0, 5), false);
  const first = trips.ask(0, free);
  const second = trips.ask(10, free);
  assert.equal(trips.answered(first, 12), false);
  assert.ok(trips.answered(second, 15));
  assert.equal(trips.answered(second, 5_000), false);
  assert.equal(trips.ms, 5);
});
