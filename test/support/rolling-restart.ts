import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Cluster, type ClusterHub } from './cluster.ts';
import { JournalOrigin } from './journal-origin.ts';
import { NumberedWebSocket } from './numbered-websocket.ts';
import { Tally } from './tally.ts';
import { VisitorLoop } from './visitor-loop.ts';

export interface RollingOptions {
  hubs: number;
  /** How often each hub is restarted. */
  rounds: number;
  /** Of each kind. */
  visitorCount: number;
  /** The least that they ask for altogether. */
  requestCount: number;
  agentCount: number;
  websocketCount: number;
  skip: string | false;
}

/** How long a hub may take from SIGTERM to its end. */
const exitMs = 30_000;

/** Hubs that are restarted one after the other under load lose no request, and leave no websocket silent. */
export function testRollingRestart(options: RollingOptions): void {
  const { hubs, rounds, visitorCount, requestCount, agentCount, websocketCount, skip } = options;
  test(`${hubs} hubs that are restarted ${rounds} times by turns lose no request`, { skip }, async (t) => {
    const origin = await JournalOrigin.start(t);
    const cluster = await Cluster.start(t, { hubs, hubArgs: ['--drain', '2s'] });
    const agents = await Promise.all(Array.from({ length: agentCount }, () => cluster.startAgent(origin.port)));
    const agentOf = (i: number) => agents[i % agents.length] as (typeof agents)[number];
    const tally = new Tally();
    const loops = Array.from({ length: 2 * visitorCount }, (_, i) =>
      VisitorLoop.start(t, cluster.target(agentOf(i)), { form: i % 2 === 0 ? 'keep-alive' : 'close', tally }),
    );
    const exits: number[] = [];
    for (let turn = 0; turn < hubs * rounds; turn += 1) {
      const index = turn % hubs;
      const hub = cluster.hubs[index] as ClusterHub;
      const websockets = await Promise.all(
        Array.from({ length: websocketCount }, (_, i) =>
          NumberedWebSocket.start(t, cluster.target(agentOf(i), index), 50),
        ),
      );
      const startedAt = performance.now();
      hub.program.signal('SIGTERM');
      const closes = await Promise.all(websockets.map(({ closed }) => closed));
      assert.ok(
        closes.every((code) => code === 1001 || code === 1012),
        `websockets were closed with ${closes}`,
      );
      assert.deepEqual(await hub.program.exited, { code: 0, signal: null });
      exits.push(performance.now() - startedAt);
      await cluster.restart(index);
    }
    while (tally.sentCount < requestCount) await setTimeout(50);
    await Promise.all(loops.map((loop) => loop.stop()));
    t.diagnostic(`${tally.summary}; hubs took at most ${Math.max(...exits).toFixed(0)} ms to end`);
    tally.check(origin);
    assert.equal(tally.declaredCount, 0, tally.summary);
    assert.ok(Math.max(...exits) <= exitMs);
  });
}
