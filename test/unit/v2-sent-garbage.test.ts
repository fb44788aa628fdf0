import assert from 'node:assert/strict';
import { constants, type NodeGCPerformanceDetail, PerformanceObserver } from 'node:perf_hooks';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { SentPackets } from '#internal/link/v2/sent-packets';

const allBytes = 200_000_000;
/** No more than that passes between two collections of young garbage. */
const periodBytes = 8_388_608;

/** How often young garbage is collected while packets of this length come and go. */
async function collections(t: TestContext, byteCount: number): Promise<number> {
  let count = 0;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind } = (entry as unknown as { detail: NodeGCPerformanceDetail }).detail;
      if (kind === constants.NODE_PERFORMANCE_GC_MINOR) count += 1;
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  t.after(() => observer.disconnect());
  const sent = new SentPackets(0);
  const frames = Buffer.alloc(byteCount);
  for (let bytes = 0; bytes < allBytes; bytes += byteCount) {
    sent.add(sent.packetFor(frames), byteCount, 0);
    sent.acknowledge(sent.next, 0, 0);
    // The observer hears of collections between turns.
    if (bytes % (100 * byteCount) === 0) await setImmediate();
  }
  await setImmediate();
  return count;
}

for (const byteCount of [5_000, 16_384, 30_000]) {
  test(`the memory of packets of ${byteCount} bytes is collected while it is young`, async (t) => {
    const count = await collections(t, byteCount);
    assert.ok(count >= allBytes / periodBytes, String(count));
  });
}

test('the memory of long packets is used again', async (t) => {
  const count = await collections(t, 65_000);
  assert.ok(count < 10, String(count));
});
