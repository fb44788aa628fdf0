import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '#internal/core/log';
import { V1AgentSession } from '#internal/link/v1/agent-session';
import { limits } from '#messages/limits';
import { responseHead } from '../support/stream-origin.ts';
import { textLinkPair } from '../support/text-link-pair.ts';
import type { TestHub } from '../support/v2-hub.ts';
import { type End, hubs, Roaming } from '../support/v2-roaming.ts';

// What becomes of what an agent of wire v1 was asked when its hub is thought to have ended.

interface Asked {
  roaming: Roaming;
  edge: TestHub;
  hub: TestHub;
  /** A visitor of `edge` that the agent at `hub` has been asked for, and has not answered. */
  visitor: End;
}

async function ask(): Promise<Asked> {
  const roaming = new Roaming();
  const [edge, hub] = await hubs(roaming);
  const { clock, accept } = roaming;
  const pair = textLinkPair();
  hub.acceptV1(pair.left);
  const deps = { clock, log: silentLog, accept, onRegistered: () => undefined, onClosed: () => undefined };
  const agent = new V1AgentSession({ maxBodyBytes: limits.v1Body, abandonMs: 300_000 }, deps, pair.right);
  await agent.register('token', '');
  const visitor = roaming.ask(edge);
  // The edge knows that the other hub has heard of it.
  await roaming.pass(1_000);
  assert.deepEqual(roaming.targets, ['/']);
  return { roaming, edge, hub, visitor };
}

test('v1: what was under way at a hub that has ended fails once that is not heard again', async () => {
  const { roaming, hub, visitor } = await ask();
  await hub.end();
  const codes: unknown[] = [];
  for (const ms of [1_750, 500]) {
    await roaming.pass(ms);
    codes.push(visitor.reason?.code);
  }
  assert.deepEqual(codes, [undefined, 'ADIT_LINK_LOST']);
});

test('v1: what was under way at a hub that was called gone and is heard again goes on', async () => {
  const { roaming, edge, hub, visitor } = await ask();
  edge.sessions.nodeGone(hub.node);
  await roaming.pass(1_500);
  edge.sessions.lanes.nodeHeard(hub.node);
  await roaming.pass(5_000);
  roaming.at('/').stream.head(responseHead(200));
  roaming.at('/').stream.end();
  await roaming.settle();
  assert.deepEqual([visitor.reason, visitor.heads], [undefined, [200]]);
});
