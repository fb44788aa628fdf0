import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Cluster } from './cluster.ts';
import { untilHolds } from './hub-metrics.ts';
import { JournalOrigin } from './journal-origin.ts';
import { NumberedWebSocket } from './numbered-websocket.ts';
import type { Relay } from './relay.ts';
import { Tally } from './tally.ts';
import { downloadVerified, uploadVerified } from './verified-bodies.ts';
import { VisitorLoop } from './visitor-loop.ts';

/** How the connections of agents are cut, the n-th time. */
type CutLinks = (relay: Relay, n: number) => void | Promise<void>;

/** Bytes of a redial after which it is cut: within the handshake of HTTP, around the hello, within what resumes. */
const handshakeCuts = [
  ['up', 80],
  ['down', 60],
  ['down', 260],
  ['up', 500],
  ['up', 900],
  ['down', 420],
] as const;

export const cutSchedules: Record<string, CutLinks> = {
  anywhere: (relay, n) => relay.cut(n % 2 === 0 ? 'RST' : 'FIN'),
  'inside a frame': async (relay, n) => await relay.cutAtFrame(n % 2 === 0 ? 'down' : 'up', 3 + n * 11),
  'between frames': async (relay, n) => await relay.cutAtFrame(n % 2 === 0 ? 'down' : 'up', 0),
  'during the resume handshake': async (relay, n) => {
    const [direction, byteCount] = handshakeCuts[n % handshakeCuts.length] as (typeof handshakeCuts)[number];
    relay.cut();
    await relay.cutAfter(direction, byteCount);
  },
};

export interface CutOptions {
  schedule: string;
  hubs: number;
  cuts: number;
  everyMs: number;
  byteCount: number;
  websocketCount: number;
  /** Of the link, each way: slow enough that the bodies are under way while it is cut. */
  bytesPerSecond: number;
  skip: string | false;
}

/** A download, an upload, websockets and plain requests pass unharmed while the agent's link is cut again and again. */
export function testCuts(options: CutOptions): void {
  const { schedule, hubs, cuts, everyMs, byteCount, websocketCount, bytesPerSecond, skip } = options;
  const where = hubs === 1 ? 'one hub' : `${hubs} hubs`;
  test(`${cuts} cuts ${schedule} (${where}) are seen by no visitor`, { skip }, async (t) => {
    const origin = await JournalOrigin.start(t);
    const cluster = await Cluster.start(t, {
      hubs,
      hubArgs: ['--max-body', 'unlimited'],
      way: { bytesPerSecond, inFlightBytes: 262_144 },
    });
    const agent = await cluster.startAgent(origin.port);
    const target = cluster.target(agent);
    const tally = new Tally();
    const websockets = await Promise.all(
      Array.from({ length: websocketCount }, () => NumberedWebSocket.start(t, target, 25)),
    );
    const bodies = Promise.all([downloadVerified(target, byteCount, 1), uploadVerified(target, byteCount, 2)]);
    const failed = bodies.then(() => new Promise<never>(() => undefined));
    const loops = (['keep-alive', 'close'] as const).map((form) =>
      VisitorLoop.start(t, target, { form, tally, pauseMs: 20 }),
    );
    for (let n = 0; n < cuts; n += 1) {
      await setTimeout(everyMs);
      await Promise.race([cutSchedules[schedule]?.(cluster.agents, n), failed]);
    }
    await bodies;
    await Promise.all(websockets.map((websocket) => websocket.finish()));
    await Promise.all(loops.map((loop) => loop.stop()));
    t.diagnostic(`${tally.summary}; ${cluster.agents.connectionCount} connections, ${cluster.agents.cutCount} cuts`);
    tally.check(origin);
    assert.equal(tally.declaredCount, 0, tally.summary);
    assert.ok(cluster.agents.cutCount >= cuts);
    await origin.idle();
    for (const { metricsPort } of cluster.hubs) await untilHolds(metricsPort, ({ requests }) => requests === 0, 5_000);
  });
}
