import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Cluster, type ClusterHub } from '../support/cluster.ts';
import { JournalOrigin } from '../support/journal-origin.ts';
import { NumberedWebSocket } from '../support/numbered-websocket.ts';
import type { AgentProcess } from '../support/processes.ts';
import { downloadVerified } from '../support/verified-bodies.ts';

/** How soon a silent link is noticed, and how soon an agent is back then. */
const noticedMs = 20_000;
const backMs = 5_000;
/** As slow as lets a download outlast a silence. */
const slowWay = { bytesPerSecond: 2_000_000 };

async function start(t: TestContext) {
  const origin = await JournalOrigin.start(t);
  const cluster = await Cluster.start(t, { hubs: 1, hubArgs: ['--max-body', 'unlimited'], way: slowWay });
  const agent = await cluster.startAgent(origin.port);
  return { cluster, agent, target: cluster.target(agent), hub: cluster.hubs[0] as ClusterHub };
}

/** How long it takes until the hub says that this agent has lost its connection. */
async function untilHubNotices({ program }: ClusterHub): Promise<number> {
  const from = program.lines.length;
  const startedAt = performance.now();
  await program.line((line) => line.includes('lost its connection') || undefined, from);
  return performance.now() - startedAt;
}

/** The same of an event of an agent. */
async function untilTold(agent: AgentProcess, event: string, from = agent.program.lines.length): Promise<number> {
  const startedAt = performance.now();
  await agent.event(event, from);
  return performance.now() - startedAt;
}

test('a link that carries nothing any more is noticed by both ends, and what was under way goes on', async (t) => {
  const { cluster, agent, target, hub } = await start(t);
  const download = downloadVerified(target, 100_000_000, 1);
  const websocket = await NumberedWebSocket.start(t, target, 200);
  await setTimeout(2_000);
  const from = agent.program.lines.length;
  cluster.agents.stall();
  const [byHub, byAgent] = await Promise.all([untilHubNotices(hub), untilTold(agent, 'offline', from)]);
  const back = await untilTold(agent, 'online', from);
  t.diagnostic(`noticed after ${byHub.toFixed(0)} and ${byAgent.toFixed(0)} ms, back after ${back.toFixed(0)} ms`);
  assert.ok(byHub <= noticedMs && byAgent <= noticedMs);
  assert.ok(back <= backMs);
  await download;
  await websocket.finish();
});

test('an agent whose machine sleeps for 15 s goes on with its streams', async (t) => {
  const { agent, target } = await start(t);
  const download = downloadVerified(target, 60_000_000, 2);
  const websocket = await NumberedWebSocket.start(t, target, 200);
  await setTimeout(2_000);
  agent.program.signal('SIGSTOP');
  await setTimeout(15_000);
  agent.program.signal('SIGCONT');
  await download;
  await websocket.finish();
});

test('an agent whose machine sleeps for 60 s is missed within 20 s, and back within 5 s of waking', async (t) => {
  const { agent, target, hub } = await start(t);
  const download = downloadVerified(target, 100_000_000, 3).then(
    () => 'whole',
    (error: Error) => error.message,
  );
  await setTimeout(2_000);
  agent.program.signal('SIGSTOP');
  const stoppedAt = performance.now();
  assert.ok((await untilHubNotices(hub)) <= noticedMs);
  // Its streams end when nobody has come back for the grace period.
  assert.notEqual(await download, 'whole');
  await setTimeout(60_000 - (performance.now() - stoppedAt));
  const from = agent.program.lines.length;
  agent.program.signal('SIGCONT');
  const back = await untilTold(agent, 'online', from);
  t.diagnostic(`back after ${back.toFixed(0)} ms`);
  assert.ok(back <= backMs);
  await downloadVerified(target, 1_000_000, 4);
});
