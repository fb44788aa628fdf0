import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Cluster, type ClusterHub } from './cluster.ts';
import { percentile } from './figures.ts';
import { JournalOrigin } from './journal-origin.ts';
import { Tally } from './tally.ts';
import { VisitorLoop } from './visitor-loop.ts';

/** How soon 99 of 100 agents are back once their hub listens again. */
const backMs = 3_000;

/** A hub that is killed takes requests with it, but none of them looks answered, and its agents come back soon. */
export function testHubKilled({ agents: agentCount, outageMs }: { agents: number; outageMs: number }): void {
  test(`${agentCount} agents are back soon after their hub was gone for ${outageMs} ms`, async (t) => {
    const origin = await JournalOrigin.start(t);
    const cluster = await Cluster.start(t, { hubs: 1 });
    const agents = await Promise.all(Array.from({ length: agentCount }, () => cluster.startAgent(origin.port)));
    const tally = new Tally();
    // Straight to the hub: a balancer in between would tell a reset as an end.
    const loops = agents.flatMap((agent) =>
      (['keep-alive', 'close'] as const).map((form) =>
        VisitorLoop.start(t, cluster.target(agent, 0), { form, tally, pauseMs: 10 }),
      ),
    );
    await setTimeout(300);
    const lineCounts = agents.map(({ program }) => program.lines.length);
    await (cluster.hubs[0] as ClusterHub).program.stop('SIGKILL');
    await setTimeout(outageMs);
    const times: number[] = [];
    let listeningAt = 0;
    const back = agents.map(async (agent, i) => {
      await agent.event('online', lineCounts[i]);
      times.push(performance.now() - listeningAt);
    });
    await cluster.restart(0);
    listeningAt = performance.now();
    await Promise.all(back);
    const wholeBefore = tally.wholeCount;
    await setTimeout(500);
    await Promise.all(loops.map((loop) => loop.stop()));
    t.diagnostic(`${tally.summary}; back after ${percentile(times, 0.99).toFixed(0)} ms`);
    tally.check(origin, { mayBreak: true });
    assert.ok(tally.wholeCount > wholeBefore);
    assert.ok(percentile(times, 0.99) <= backMs, `${percentile(times, 0.99)} ms`);
  });
}
