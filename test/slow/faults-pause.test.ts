import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median } from '../bench/statistics.ts';
import { Cluster } from '../support/cluster.ts';
import { JournalOrigin } from '../support/journal-origin.ts';
import { downloadVerified } from '../support/verified-bodies.ts';

const cuts = 20;
const betweenCuts = 1_000_000;
const bytesPerSecond = 5_000_000;

// The figure for one machine is the one that docs/resume.svg and the README tell.
for (const { roundTripMs, atMostMs } of [
  { roundTripMs: 0, atMostMs: 250 },
  { roundTripMs: 50, atMostMs: 750 },
]) {
  test(`a download pauses shortly when its link is cut, ${roundTripMs} ms from agent to hub and back`, async (t) => {
    const origin = await JournalOrigin.start(t);
    const way = { delayMs: roundTripMs / 2, bytesPerSecond, inFlightBytes: bytesPerSecond };
    const cluster = await Cluster.start(t, { hubs: 1, hubArgs: ['--max-body', 'unlimited'], way });
    const agent = await cluster.startAgent(origin.port);
    const pausesMs: number[] = [];
    let came = 0;
    let cameAt = performance.now();
    let longestMs = 0;
    const onPiece = (byteCount: number): void => {
      came += byteCount;
      longestMs = Math.max(longestMs, performance.now() - cameAt);
      cameAt = performance.now();
      if (came < betweenCuts || pausesMs.length === cuts) return;
      if (cluster.agents.cutCount > 0) pausesMs.push(longestMs);
      [came, longestMs] = [0, 0];
      if (pausesMs.length < cuts) cluster.agents.cut();
    };
    await downloadVerified(cluster.target(agent), (cuts + 2) * betweenCuts, 1, { onPiece });
    assert.deepEqual([pausesMs.length, cluster.agents.cutCount], [cuts, cuts]);
    const medianMs = median(pausesMs);
    t.diagnostic(`${cuts} cuts: median ${medianMs.toFixed(0)} ms, longest ${Math.max(...pausesMs).toFixed(0)} ms`);
    assert.ok(medianMs < atMostMs, `${medianMs.toFixed(0)} ms`);
  });
}
