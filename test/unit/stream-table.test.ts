import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { StreamTable } from '#internal/link/v2/stream-table';
import { Random } from '../support/random.ts';

test('a table holds what a Map would, whatever comes and goes', () => {
  const random = new Random(7);
  for (let run = 0; run < 200; run += 1) {
    const table = new StreamTable<{ id: number }>();
    const known = new Map<number, { id: number }>();
    // Few numbers and few slots: most of them meet.
    const spread = 2 ** (4 + random.below(12));
    for (let step = 0; step < 300; step += 1) {
      const id = random.below(spread);
      if (random.below(20) < 11 && !known.has(id)) {
        const stream = { id };
        table.add(stream);
        known.set(id, stream);
      } else {
        table.delete(id);
        known.delete(id);
      }
      assert.equal(table.size, known.size);
      assert.equal(table.get(id), known.get(id));
      assert.equal(table.has(id + 1), known.has(id + 1));
    }
    assert.deepEqual(
      [...table].map(({ id }) => id).sort((a, b) => a - b),
      [...known.keys()].sort((a, b) => a - b),
    );
    for (const stream of known.values()) assert.equal(table.get(stream.id), stream);
  }
});

test('what is taken off a table while it is gone through does no harm', () => {
  const table = new StreamTable<{ id: number }>();
  for (let id = 2; id <= 200; id += 2) table.add({ id });
  const seen: number[] = [];
  for (const { id } of table) {
    seen.push(id);
    table.delete(id);
  }
  assert.equal(new Set(seen).size, 100);
  assert.equal(table.size, 0);
});

test('what has passed through a table is garbage that is collected young', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void;
  const table = new StreamTable<{ id: number; payload: number[] }>();
  const stream = (id: number) => ({ id, payload: new Array<number>(128).fill(0.5) });
  const [count, underWay] = [20_000, 32];
  for (let id = 0; id < underWay; id += 1) table.add(stream(id));
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let id = underWay; id < underWay + count; id += 1) {
    table.add(stream(id));
    table.delete(id - underWay);
    if (id % 1_000 === 0) collect({ type: 'minor' });
  }
  collect({ type: 'minor' });
  collect({ type: 'minor' });
  const keptBytes = process.memoryUsage().heapUsed - before;
  assert.ok(keptBytes < (count * 1_024) / 4, `${keptBytes} bytes were kept`);
});
