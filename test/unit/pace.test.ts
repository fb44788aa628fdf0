import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pace } from '#internal/link/v2/pace';

test('the window is a whole number of bytes, whatever was measured', () => {
  const pace = new Pace();
  const seen = new Set<number>();
  for (let now = 0; now < 5_000; now += 13.7) {
    pace.acknowledged(now, { rttMs: 20.1 + (now % 7) / 3, bytesPerMs: 3_333.3 + (now % 11) / 7, wasFull: true });
    seen.add(pace.window);
  }
  assert.ok(seen.size > 1, 'it never moved');
  for (const window of seen) assert.ok(Number.isInteger(window), `${window}`);
});
