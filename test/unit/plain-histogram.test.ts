import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Histogram, Registry } from 'prom-client';
import { PlainHistogram } from '#internal/hub/plain-histogram';
import { Random } from '../support/random.ts';

const options = { name: 'seconds', help: 'How long it took', buckets: [0.005, 0.02, 0.1, 0.5] };

test('a plain histogram is written as the library writes its own', async () => {
  const [ours, theirs] = [new Registry(), new Registry()];
  const plain = new PlainHistogram({ ...options, registry: ours });
  const histogram = new Histogram({ ...options, registers: [theirs] });
  assert.equal(await ours.metrics(), await theirs.metrics());
  const random = new Random(3);
  const values = [0, 0.005, 0.02, 0.5, 0.51, 1e9, ...Array.from({ length: 1_000 }, () => random.below(700) / 1_000)];
  for (const value of values) {
    plain.observe(value);
    histogram.observe(value);
  }
  assert.equal(await ours.metrics(), await theirs.metrics());
});
