import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Cluster, type ClusterHub } from './cluster.ts';
import { holdings, openFiles, untilHolds } from './hub-metrics.ts';
import { JournalOrigin } from './journal-origin.ts';
import { Tally } from './tally.ts';
import { VisitorLoop } from './visitor-loop.ts';

/** How long connections may be kept for a service's next request. */
const keptMs = 3_000;
/** Connections that a service or a visitor may keep for later. */
const spareFiles = 4;

/** A link that goes and comes leaves neither socket, timer, stream nor registration behind. */
export function testFlapping({ times, onMs, offMs }: { times: number; onMs: number; offMs: number }): void {
  test(`a link that is up for ${onMs} ms and down for ${offMs} ms, ${times} times, leaks nothing`, async (t) => {
    const origin = await JournalOrigin.start(t, keptMs);
    const cluster = await Cluster.start(t, { hubs: 1 });
    const agent = await cluster.startAgent(origin.port);
    const tally = new Tally();
    const visitor = (): VisitorLoop =>
      VisitorLoop.start(t, cluster.target(agent), { form: 'close', tally, pauseMs: 10 });
    const { metricsPort, program } = cluster.hubs[0] as ClusterHub;
    const warming = visitor();
    await setTimeout(300);
    await warming.stop();
    const before = await holdings(metricsPort);
    const filesBefore = openFiles(program) + openFiles(agent.program);
    const loops = [visitor(), visitor()];
    for (let n = 0; n < times; n += 1) {
      cluster.agents.isRefusing = true;
      // By turns with the end that a program makes, and with nothing at all.
      if (n % 3 === 2) cluster.agents.stall();
      else cluster.agents.cut(n % 3 === 1 ? 'FIN' : 'RST');
      await setTimeout(offMs);
      cluster.agents.cut();
      cluster.agents.isRefusing = false;
      await setTimeout(onMs);
    }
    await Promise.all(loops.map((loop) => loop.stop()));
    t.diagnostic(tally.summary);
    tally.check(origin);
    assert.ok(tally.wholeCount > 0);
    const isAsBefore = ({ requests, sessions, tunnels, timers }: typeof before): boolean =>
      requests === 0 && sessions === before.sessions && tunnels === before.tunnels && timers <= before.timers + 2;
    await untilHolds(metricsPort, isAsBefore, 10_000);
    const files = (): number => openFiles(program) + openFiles(agent.program);
    const until = performance.now() + 2 * keptMs;
    while (files() > filesBefore + spareFiles && performance.now() < until) await setTimeout(100);
    assert.ok(files() <= filesBefore + spareFiles, `${filesBefore} open files, then ${files()}`);
  });
}
