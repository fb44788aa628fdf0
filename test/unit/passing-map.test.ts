import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { PassingMap } from '#internal/core/passing-map';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void;

test('it holds what a Map would hold', () => {
  const passing = new PassingMap<number, string>();
  const map = new Map<number, string>();
  for (let i = 0; i < 5_000; i += 1) {
    const key = (i * 7_919) % 997;
    if (i % 3 === 0) {
      passing.delete(key);
      map.delete(key);
    } else {
      passing.set(key, `${i}`);
      map.set(key, `${i}`);
    }
    assert.equal(passing.size, map.size);
    assert.equal(passing.get(key), map.get(key));
    assert.equal(passing.has(key), map.has(key));
  }
  assert.deepEqual(passing.values().sort(), [...map.values()].sort());
});

test('what has passed through an old one is garbage that is collected young', () => {
  const passing = new PassingMap<number, number[]>();
  const value = (): number[] => new Array(128).fill(0.5);
  for (let key = 0; key < 32; key += 1) passing.set(key, value());
  collect();
  const before = process.memoryUsage().heapUsed;
  const count = 20_000;
  for (let key = 32; key < 32 + count; key += 1) {
    passing.set(key, value());
    passing.delete(key - 32);
    if (key % 1_000 === 0) collect({ type: 'minor' });
  }
  collect({ type: 'minor' });
  collect({ type: 'minor' });
  const keptBytes = process.memoryUsage().heapUsed - before;
  assert.ok(keptBytes < (count * 1_024) / 4, `${keptBytes} bytes were kept`);
});
