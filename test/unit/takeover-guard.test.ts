import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AditError } from '#internal/core/errors';
import { TakeoverGuard } from '#internal/hub/registration/takeover-guard';
import { FakeClock } from '../support/fake-clock.ts';

function isAdmitted(guard: TakeoverGuard, clientId = 'a'): boolean {
  try {
    guard.admit(clientId);
    return true;
  } catch (error) {
    assert.ok(error instanceof AditError);
    assert.equal(error.code, 'ADIT_HUB_BUSY');
    return false;
  }
}

/** A guard whose name has changed hands three times now, and been refused once. */
function heldGuard(clock: FakeClock): TakeoverGuard {
  const guard = new TakeoverGuard(clock);
  for (let i = 0; i < 3; i += 1) assert.equal(isAdmitted(guard), true);
  assert.equal(isAdmitted(guard), false);
  return guard;
}

test('the fourth takeover within 10 s is refused', () => {
  const clock = new FakeClock();
  const guard = new TakeoverGuard(clock);
  for (const waitMs of [0, 5_000, 4_000]) {
    clock.advance(waitMs);
    assert.equal(isAdmitted(guard), true);
  }
  clock.advance(999);
  assert.equal(isAdmitted(guard), false);
});

test('takeovers that are further apart all pass', () => {
  const clock = new FakeClock();
  const guard = new TakeoverGuard(clock);
  for (let i = 0; i < 20; i += 1) {
    assert.equal(isAdmitted(guard), true);
    clock.advance(3_400);
  }
});

test('the hold ends after 30 s, and attempts do not prolong it', () => {
  const clock = new FakeClock();
  const guard = heldGuard(clock);
  for (let second = 1; second < 30; second += 1) {
    clock.advance(1_000);
    assert.equal(isAdmitted(guard), false, `after ${second} s`);
  }
  clock.advance(999);
  assert.equal(isAdmitted(guard), false);
  clock.advance(1);
  assert.equal(isAdmitted(guard), true);
});

test('after the hold three takeovers pass again, and the next begins a new hold', () => {
  const clock = new FakeClock();
  const guard = heldGuard(clock);
  clock.advance(30_000);
  for (let i = 0; i < 3; i += 1) assert.equal(isAdmitted(guard), true);
  assert.equal(isAdmitted(guard), false);
  clock.advance(29_999);
  assert.equal(isAdmitted(guard), false);
  clock.advance(1);
  assert.equal(isAdmitted(guard), true);
});

test('other names do not suffer, nor end the hold', () => {
  const clock = new FakeClock();
  const guard = heldGuard(clock);
  for (let i = 0; i < 1_000; i += 1) assert.equal(isAdmitted(guard, `name ${i}`), true);
  clock.advance(20_000);
  assert.equal(isAdmitted(guard, 'one more'), true);
  assert.equal(isAdmitted(guard), false);
});
