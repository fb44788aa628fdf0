import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReceiveWindow, WindowBudget } from '#internal/link/v2/receive-window';
import { limits } from '#messages/limits';

const longWayMs = 100;

test('v2 window: on a long way it is open before anything has come, within what is set aside for that', () => {
  const all = new WindowBudget(limits.sessionWindows);
  const early = new WindowBudget(40_000_000);
  const windows = Array.from({ length: 3 }, () => new ReceiveWindow(all, 0));
  const [first = 0, second = 0, third] = windows.map((window) => window.foresee(longWayMs, early));
  assert.ok(first > 10_000_000, `${first}`);
  assert.equal(first + second - 2 * limits.streamWindow, 40_000_000);
  assert.equal(third, undefined, 'nothing is left');
  for (const window of windows) window.close();
  assert.equal(new ReceiveWindow(all, 0).foresee(longWayMs, early), first, 'what was taken has come back');
  assert.equal(all.take(limits.sessionWindows), limits.sessionWindows - first + limits.streamWindow);
});

test('v2 window: on a short way, or one of unknown length, it opens when something is read', () => {
  const budget = new WindowBudget(limits.sessionWindows);
  for (const rttMs of [0.2, Number.POSITIVE_INFINITY]) {
    assert.equal(new ReceiveWindow(budget, 0).foresee(rttMs, budget), undefined);
  }
});
