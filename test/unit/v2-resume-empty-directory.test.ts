import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryDirectory } from '#internal/hub/directory/memory';
import type { NodeMessageKind } from '#messages/node';
import { responseHead } from '../support/stream-origin.ts';
import type { TestHub } from '../support/v2-hub.ts';
import { type End, graceMs, Roaming } from '../support/v2-roaming.ts';

/** A visitor's request under way to an agent of another hub. */
async function begin(): Promise<{ roaming: Roaming; edge: TestHub; hub: TestHub; visitor: End }> {
  const roaming = new Roaming();
  const [edge, hub] = [await roaming.cluster.hub(), await roaming.cluster.hub()];
  await roaming.connect(hub);
  const visitor = roaming.ask(edge);
  await roaming.pass(1_000);
  return { roaming, edge, hub, visitor };
}

/** The directory has lost what it knew of sessions, until it is filled again. */
function empty({ cluster }: Roaming): () => void {
  cluster.directory.read = async () => undefined;
  return () => {
    cluster.directory.read = MemoryDirectory.prototype.read;
  };
}

function lose({ cluster }: Roaming, ...kinds: NodeMessageKind[]): void {
  cluster.carry = ({ kind }, deliver) => {
    if (!kinds.includes(kind)) deliver();
  };
}

test('v2, an empty directory: a session that its hub still parks is waited for', async () => {
  const { roaming, hub, visitor } = await begin();
  const fill = empty(roaming);
  roaming.cut();
  await roaming.pass(5_000);
  assert.equal(visitor.reason, undefined);
  fill();
  await roaming.connect(hub);
  roaming.at('/').stream.head(responseHead(200));
  await roaming.settle();
  assert.deepEqual(visitor.heads, [200]);
});

test('v2, an empty directory: a session whose hub has ended goes on at another one', async () => {
  const { roaming, hub, visitor } = await begin();
  const other = await roaming.cluster.hub();
  const fill = empty(roaming);
  await hub.end();
  roaming.cut();
  await roaming.pass(5_000);
  assert.equal(visitor.reason, undefined);
  fill();
  await roaming.connect(other);
  roaming.at('/').stream.head(responseHead(200));
  await roaming.settle();
  assert.deepEqual(visitor.heads, [200]);
});

test('v2, an empty directory: a session that its hub does not know either has ended', async () => {
  const { roaming, edge, hub, visitor } = await begin();
  const { session } = roaming;
  // The edge hears that the agent is away, and nothing of what follows.
  roaming.cut();
  await roaming.settle();
  lose(roaming, 'ended');
  hub.sessions.v2.end(session?.id ?? '');
  await roaming.pass(1_500);
  assert.equal(visitor.reason?.code, 'ADIT_LINK_LOST');
  await roaming.pass(graceMs);
  assert.equal(edge.sessions.lanes.streamCount(session?.id ?? ''), 0);
});

test('v2, an empty directory: a session whose hub has ended is given up once its agent has registered anew', async () => {
  const { roaming, edge, hub, visitor } = await begin();
  const other = await roaming.cluster.hub();
  const { session } = roaming;
  empty(roaming);
  await hub.end();
  roaming.cut();
  await roaming.pass(5_000);
  // Nobody knows its session: it has to begin another one.
  await roaming.connect(other);
  await roaming.connect(other);
  assert.ok(session?.isEnded && session !== roaming.session);
  assert.deepEqual([visitor.reason], [undefined]);
  await roaming.pass(1_000);
  assert.equal(visitor.reason?.code, 'ADIT_LINK_LOST');
  const late = roaming.ask(edge, '/late');
  await roaming.settle();
  roaming.at('/late').stream.head(responseHead(200));
  await roaming.settle();
  assert.deepEqual(late.heads, [200]);
});
