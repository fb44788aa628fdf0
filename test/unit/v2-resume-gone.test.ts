import assert from 'node:assert/strict';
import { test } from 'node:test';
import { responseHead } from '../support/stream-origin.ts';
import { hubs, lose, Roaming } from '../support/v2-roaming.ts';

// What becomes of lanes when one hub calls another one gone that was only cut off.

test('v2 resume: a hub that was called gone and was not starts anew', async () => {
  const roaming = new Roaming();
  const [edge, hub] = await hubs(roaming);
  await roaming.connect(hub);
  const before = roaming.ask(edge, '/before');
  await roaming.pass(1_000);
  hub.sessions.nodeGone(edge.node);
  await roaming.settle();
  assert.equal(roaming.at('/before').reason?.code, 'ADIT_VISITOR_GONE');
  assert.equal(before.reason?.code, 'ADIT_LINK_LOST');
  const after = roaming.ask(edge, '/after');
  await roaming.settle();
  roaming.at('/after').stream.head(responseHead(200));
  await roaming.settle();
  assert.deepEqual(after.heads, [200]);
});

for (const [longer, request, answer] of [
  ['requests', 'x'.repeat(9_000), 'short'],
  ['answers', 'short', 'x'.repeat(9_000)],
] as const) {
  test(`v2 resume: a hub that has not heard that it was called gone starts anew, after ${longer} that were longer`, async () => {
    const roaming = new Roaming();
    const [edge, hub] = await hubs(roaming);
    const { session } = await roaming.connect(hub);
    const known = roaming.ask(edge, '/known', 'POST');
    known.stream.write(Buffer.from(request));
    await roaming.settle();
    roaming.at('/known').stream.head(responseHead(200));
    roaming.at('/known').stream.write(Buffer.from(answer));
    await roaming.pass(1_000);
    lose(roaming, 'ended');
    hub.sessions.nodeGone(edge.node);
    await roaming.settle();
    assert.equal(roaming.at('/known').reason?.code, 'ADIT_VISITOR_GONE');
    const local = roaming.ask(hub, '/local');
    const lost = roaming.ask(edge, '/lost');
    await roaming.pass(2_000);
    assert.deepEqual([known.reason?.code, lost.reason?.code], ['ADIT_LINK_LOST', 'ADIT_LINK_LOST']);
    const after = roaming.ask(edge, '/after');
    await roaming.pass(1_000);
    for (const target of ['/local', '/after']) roaming.at(target).stream.head(responseHead(200));
    await roaming.settle();
    assert.deepEqual([local.heads, after.heads, local.reason, session.isEnded], [[200], [200], undefined, false]);
  });
}

test('v2 resume: a hub that hears another one again begins its idle lanes anew, since that may have called it gone', async () => {
  const roaming = new Roaming();
  const [edge, hub] = await hubs(roaming);
  await roaming.connect(hub);
  const before = roaming.ask(edge, '/before');
  await roaming.settle();
  roaming.at('/before').stream.head(responseHead(200));
  roaming.at('/before').stream.end();
  await roaming.pass(1_000);
  assert.ok(before.hasEnded);
  lose(roaming, 'ended');
  hub.sessions.nodeGone(edge.node);
  await roaming.settle();
  edge.sessions.lanes.nodeHeard(hub.node);
  const after = roaming.ask(edge, '/after');
  await roaming.settle();
  roaming.at('/after').stream.head(responseHead(200));
  await roaming.settle();
  assert.deepEqual(after.heads, [200]);
});

test('v2 resume: a hub that was called gone and is heard again is asked at once what waits for its sessions', async () => {
  const roaming = new Roaming();
  const [edge, hub] = await hubs(roaming);
  await roaming.connect(hub);
  roaming.ask(edge, '/before');
  await roaming.settle();
  edge.sessions.nodeGone(hub.node);
  const waiting = roaming.ask(edge, '/waiting');
  await roaming.settle();
  assert.deepEqual(roaming.targets, ['/before']);
  edge.sessions.lanes.nodeHeard(hub.node);
  await roaming.settle();
  roaming.at('/waiting').stream.head(responseHead(200));
  await roaming.settle();
  assert.deepEqual(waiting.heads, [200]);
});
