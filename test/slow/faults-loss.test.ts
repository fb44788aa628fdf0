import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Cluster, type ClusterHub } from '../support/cluster.ts';
import { MemoryWatch } from '../support/figures.ts';
import { JournalOrigin } from '../support/journal-origin.ts';
import { NumberedWebSocket } from '../support/numbered-websocket.ts';
import { isOwnNetwork, losePackets, runInOwnNetwork, withoutOwnNetwork } from '../support/own-network.ts';
import { Tally } from '../support/tally.ts';
import { downloadVerified, uploadVerified } from '../support/verified-bodies.ts';
import { VisitorLoop } from '../support/visitor-loop.ts';

const runMs = 60_000;

if (isOwnNetwork) {
  test('on a link that loses 30 % of its packets nothing is corrupted, and memory is bounded', async (t) => {
    const origin = await JournalOrigin.start(t);
    const cluster = await Cluster.start(t, { hubs: 1, hubArgs: ['--max-body', 'unlimited'] });
    const agent = await cluster.startAgent(origin.port);
    const target = cluster.target(agent);
    const memory = new MemoryWatch(t, { hub: (cluster.hubs[0] as ClusterHub).program, agent: agent.program });
    losePackets(cluster.agents.port, 0.3);
    const tally = new Tally();
    const websockets = await Promise.all(Array.from({ length: 5 }, () => NumberedWebSocket.start(t, target, 200)));
    const loops = (['keep-alive', 'close'] as const).map((form) => VisitorLoop.start(t, target, { form, tally }));
    const bodies = Promise.all([downloadVerified(target, 300_000, 1), uploadVerified(target, 300_000, 2)]);
    await setTimeout(runMs);
    await Promise.all(loops.map((loop) => loop.stop()));
    await Promise.all(websockets.map((websocket) => websocket.finish()));
    await bodies;
    t.diagnostic(
      `${tally.summary}; ${cluster.agents.connectionCount} connections; ${JSON.stringify(memory.growth)} MB`,
    );
    tally.check(origin);
    assert.ok(tally.wholeCount > 0);
    for (const [name, megabytes] of Object.entries(memory.growth)) {
      assert.ok(megabytes <= 100, `${name} grew by ${megabytes} MB`);
    }
  });
} else {
  test('on a link that loses packets', { skip: withoutOwnNetwork(['iptables']) }, (t) => {
    const { code, said } = runInOwnNetwork(fileURLToPath(import.meta.url));
    t.diagnostic(/\d+ sent, .*$/m.exec(said)?.[0] ?? '');
    assert.equal(code, 0, said);
  });
}
