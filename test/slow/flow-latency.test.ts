import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { FlowOrigin, startFlowTunnel } from '../support/flow.ts';
import { latencies } from '../support/flow-latency.ts';

const origin = await FlowOrigin.start({ after });
const figures = (values: object): string =>
  JSON.stringify(values, (_, v) => (typeof v === 'number' ? +v.toFixed(1) : v));

test('small requests do not wait behind a download or an upload beside them', async (t) => {
  const tunnel = await startFlowTunnel(t, origin.port);
  const seen = await latencies({ tunnel, origin }, { rounds: 5, perRound: 100 });
  t.diagnostic(figures(seen));
  // Five programs share the processors here, and what a request waits for is mostly its turn on them.
  assert.ok(seen.download <= 100, `download: ${seen.download} ms instead of ${seen.idle}`);
  assert.ok(seen.upload <= 100, `upload: ${seen.upload} ms instead of ${seen.idle}`);
});

test('on a way of 16 Mbit/s they take no longer than 150 ms', async (t) => {
  const tunnel = await startFlowTunnel(t, origin.port, { delayMs: 20, bytesPerSecond: 2_000_000 });
  const seen = await latencies({ tunnel, origin }, { rounds: 4, perRound: 50 });
  t.diagnostic(figures(seen));
  assert.ok(seen.download <= 150, `download: ${seen.download} ms`);
  assert.ok(seen.upload <= 150, `upload: ${seen.upload} ms`);
});
