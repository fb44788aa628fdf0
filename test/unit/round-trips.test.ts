import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RoundTrips } from '#internal/link/round-trips';
import { FakeClock } from '../support/fake-clock.ts';

/** Sends a ping whose answer takes this long. Gives whether that was a measure. */
function trip(trips: RoundTrips, clock: FakeClock, ms: number, queuedBytes = 0): boolean {
  const { token } = trips.ping(queuedBytes);
  clock.advance(ms);
  return trips.answered(token);
}

test('round trips: the first is taken as it is, later ones count an eighth', () => {
  const clock = new FakeClock();
  const trips = new RoundTrips(clock);
  assert.equal(trips.ms, undefined);
  assert.ok(trip(trips, clock, 80));
  assert.equal(trips.ms, 80);
  assert.ok(trip(trips, clock, 160));
  assert.equal(trips.ms, 90);
});

test('round trips: a ping that waits behind other data measures nothing', () => {
  const clock = new FakeClock();
  const trips = new RoundTrips(clock);
  assert.equal(trip(trips, clock, 5_000, 1), false);
  assert.equal(trips.ms, undefined);
});

test('round trips: answers to older pings, to none and repeated ones measure nothing', () => {
  const clock = new FakeClock();
  const trips = new RoundTrips(clock);
  assert.equal(trips.answered(0), false);
  const first = trips.ping(0);
  clock.advance(10);
  const second = trips.ping(0);
  clock.advance(5);
  assert.equal(trips.answered(first.token), false);
  assert.ok(trips.answered(second.token));
  clock.advance(5_000);
  assert.equal(trips.answered(second.token), false);
  assert.equal(trips.ms, 5);
});
