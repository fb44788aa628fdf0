import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { AditError } from '#internal/core/errors';
import type { NodeMessageKind } from '#messages/node';
import { responseHead } from '../support/stream-origin.ts';
import { graceMs, hubs, lose, Roaming } from '../support/v2-roaming.ts';

test("v2 resume: when a visitor's hub ends without a word, its streams end at the agent, and those of others go on", async () => {
  const roaming = new Roaming();
  const [edge, other, hub] = await hubs(roaming);
  const { session } = await roaming.connect(hub);
  roaming.ask(edge, '/edge');
  const visitor = roaming.ask(other, '/other');
  await roaming.settle();
  await edge.end();
  await roaming.settle();
  assert.equal(roaming.at('/edge').reason?.code, 'ADIT_VISITOR_GONE');
  roaming.at('/other').stream.head(responseHead(200));
  await roaming.settle();
  assert.deepEqual(visitor.heads, [200]);
  assert.equal(session.streamCount, 1);
});

test("v2 resume: a visitor's hub that ends while the agent is away is missed when that comes back", async () => {
  const roaming = new Roaming();
  const [edge, , hub] = await hubs(roaming);
  const { session } = await roaming.connect(hub);
  roaming.ask(edge, '/edge');
  await roaming.settle();
  roaming.cut();
  await roaming.settle();
  await edge.end();
  await roaming.pass(500);
  await roaming.connect(hub);
  await roaming.settle();
  assert.equal(roaming.at('/edge').reason?.code, 'ADIT_VISITOR_GONE');
  assert.equal(session.streamCount, 0);
});

test('v2 resume: a hub with its agents that ends without a word fails what they may not know of after 2 s; the rest goes on', async () => {
  const roaming = new Roaming();
  const [edge, hub, other] = await hubs(roaming);
  await roaming.connect(hub);
  const known = roaming.ask(edge, '/known');
  await roaming.pass(1_000);
  const unheard = roaming.ask(edge, '/unheard', 'POST');
  await turn();
  await hub.end();
  roaming.cut();
  await roaming.settle();
  const waiting = roaming.ask(edge, '/waiting');
  await roaming.pass(1_750);
  assert.equal(unheard.reason ?? waiting.reason, undefined);
  await roaming.pass(500);
  assert.equal(unheard.reason?.code, 'ADIT_LINK_LOST');
  assert.equal(waiting.reason?.code, 'ADIT_LINK_LOST');
  assert.equal(known.reason, undefined);
  await roaming.connect(other);
  const late = roaming.ask(edge, '/late');
  await roaming.pass(2_500);
  assert.deepEqual(roaming.targets, ['/known', '/late'], 'what has failed is not dispatched');
  for (const { stream } of roaming.served) stream.head(responseHead(200));
  await roaming.settle();
  assert.deepEqual([known.heads, late.heads], [[200], [200]]);
  assert.equal(roaming.session?.streamCount, 2);
});

test('v2 resume: an agent that is back at another hub within 2 s loses nothing', async () => {
  const roaming = new Roaming();
  const [edge, hub, other] = await hubs(roaming);
  await roaming.connect(hub);
  roaming.ask(edge, '/known');
  await roaming.pass(1_000);
  const unheard = roaming.ask(edge, '/unheard');
  await turn();
  await hub.end();
  roaming.cut();
  await roaming.pass(1_000);
  await roaming.connect(other);
  await roaming.pass(2_500);
  assert.deepEqual(roaming.targets, ['/known', '/unheard']);
  assert.equal(unheard.reason, undefined);
});

test('v2 resume: what was lost between hubs that hear each other again is there within an acknowledgement, both ways', async () => {
  const roaming = new Roaming();
  const [edge, hub] = await hubs(roaming);
  await roaming.connect(hub);
  const known = roaming.ask(edge, '/known');
  await roaming.settle();
  lose(roaming, 'toAgent', 'toEdge');
  roaming.ask(edge, '/unheard');
  roaming.at('/known').stream.head(responseHead(200));
  await roaming.settle();
  assert.deepEqual([roaming.targets, known.heads], [['/known'], []]);
  lose(roaming);
  edge.sessions.lanes.nodeHeard(hub.node);
  await roaming.settle();
  await roaming.pass(20);
  assert.deepEqual([roaming.targets, known.heads], [['/known', '/unheard'], [200]]);
});

test('v2 resume: lanes on which nothing waits say nothing when a hub is heard again', async () => {
  const roaming = new Roaming();
  const [edge, hub] = await hubs(roaming);
  await roaming.connect(hub);
  const visitor = roaming.ask(edge, '/done');
  await roaming.settle();
  const { stream } = roaming.at('/done');
  stream.head(responseHead(200));
  stream.end();
  visitor.stream.end();
  await roaming.pass(2_000);
  let count = 0;
  roaming.cluster.carry = (_message, deliver) => {
    count += 1;
    deliver();
  };
  edge.sessions.lanes.nodeHeard(hub.node);
  await roaming.settle();
  assert.equal(count, 0);
});

test('v2 resume: a second loss soon after the first one has its own 2 s', async () => {
  const roaming = new Roaming();
  const [edge, hub, other] = await hubs(roaming);
  await roaming.connect(hub);
  roaming.ask(edge, '/known');
  await roaming.settle();
  await hub.end();
  roaming.cut();
  await roaming.pass(1_000);
  await roaming.connect(other);
  await roaming.pass(500);
  const unheard = roaming.ask(edge, '/unheard');
  await turn();
  roaming.cut();
  await roaming.pass(5_000);
  assert.equal(unheard.reason, undefined);
  await roaming.connect(other);
  await roaming.pass(2_500);
  assert.deepEqual(roaming.targets, ['/known', '/unheard']);
});

test('v2 resume: a session whose hub has ended is given up once its agent has begun another one', async () => {
  const roaming = new Roaming();
  const [edge, hub, other] = await hubs(roaming);
  const { session } = await roaming.connect(hub);
  const visitor = roaming.ask(edge);
  await roaming.pass(1_000);
  await hub.end();
  roaming.cut();
  await roaming.pass(5_000);
  assert.deepEqual([visitor.reason], [undefined]);
  roaming.session = undefined;
  await roaming.connect(other);
  await roaming.pass(1_000);
  assert.equal(visitor.reason?.code, 'ADIT_LINK_LOST');
  assert.equal(edge.sessions.lanes.streamCount(session.id), 0);
});

for (const kinds of [['moved'], ['parked'], ['moved', 'parked', 'ended', 'absent']] satisfies NodeMessageKind[][]) {
  for (const place of ['the same', 'another'] as const) {
    test(`v2 resume at ${place} hub: streams go on although ${kinds.join(', ')} are lost`, async () => {
      const roaming = new Roaming();
      const [edge, hub, other] = await hubs(roaming);
      await roaming.connect(hub);
      const old = roaming.ask(edge, '/old', 'POST');
      await roaming.settle();
      lose(roaming, ...kinds);
      roaming.cut();
      await roaming.settle();
      const fresh = roaming.ask(edge, '/fresh');
      old.stream.write(Buffer.from('more'));
      await roaming.pass(2_000);
      await roaming.connect(place === 'another' ? other : hub);
      await roaming.pass(5_000);
      assert.equal(roaming.at('/old').text, 'more');
      for (const { stream } of roaming.served) stream.head(responseHead(200));
      await roaming.settle();
      assert.deepEqual([old.heads, fresh.heads], [[200], [200]]);
      // The hub that was left forgets it without harm.
      await roaming.pass(graceMs + 1_000);
      assert.equal(hub.sessions.v2.health.states.parked, 0);
      roaming.at('/old').stream.end();
      await roaming.pass(1_000);
      assert.ok(old.hasEnded);
    });
  }
}

test('v2 resume: a reset that is all that is left of a lane reaches the agent although `moved` is lost', async () => {
  const roaming = new Roaming();
  const [edge, hub, other] = await hubs(roaming);
  await roaming.connect(hub);
  const visitor = roaming.ask(edge);
  await roaming.pass(1_000);
  roaming.cut();
  await roaming.settle();
  visitor.stream.reset(new AditError('ADIT_VISITOR_GONE', 'left'));
  // Neither is the agent heard when it comes back.
  lose(roaming, 'moved', 'toEdge');
  await roaming.connect(other);
  await roaming.pass(2_500);
  assert.equal(roaming.at('/').reason?.code, 'ADIT_VISITOR_GONE');
});

test("v2 resume: a session that only its visitors' hub believes in is asked for, and its streams end", async () => {
  const roaming = new Roaming();
  const [edge, hub] = await hubs(roaming);
  const { agent, session } = await roaming.connect(hub);
  const visitor = roaming.ask(edge);
  await roaming.pass(1_000);
  lose(roaming, 'ended');
  agent.disconnect();
  await roaming.pass(31_000);
  assert.equal(visitor.reason?.code, 'ADIT_LINK_LOST');
  assert.equal(edge.sessions.lanes.streamCount(session.id), 0);
  await roaming.pass(31_000);
  assert.equal(roaming.clock.pendingCount, 0);
});

test('v2 resume: a lane whose first words are lost, after one that was given up, is not taken for that', async () => {
  const roaming = new Roaming();
  const [edge, hub] = await hubs(roaming);
  const { session } = await roaming.connect(hub);
  const before = roaming.ask(edge, '/before');
  await roaming.settle();
  // What the agent answers meets the next lane.
  roaming.at('/before').stream.head(responseHead(200));
  roaming.at('/before').stream.write(Buffer.from('for somebody else'));
  edge.sessions.lanes.end(hub.node, session.id);
  assert.equal(before.reason?.code, 'ADIT_LINK_LOST');
  let isFirst = true;
  roaming.cluster.carry = ({ kind }, deliver) => {
    if (kind !== 'toAgent' || !isFirst) deliver();
    else isFirst = false;
  };
  const after = roaming.ask(edge, '/after', 'POST');
  after.stream.write(Buffer.from('body'));
  await roaming.pass(4_000);
  assert.deepEqual(after.heads, []);
  assert.equal(roaming.at('/after').text, 'body');
  assert.equal(roaming.at('/before').reason?.code, 'ADIT_VISITOR_GONE');
  roaming.at('/after').stream.head(responseHead(204));
  await roaming.settle();
  assert.deepEqual(after.heads, [204]);
  assert.equal(after.text, '');
  assert.equal(roaming.current?.closed.agent, 0);
});

test('v2 resume: a hub whose memory of the epoch is outdated learns it from the agent', async () => {
  const roaming = new Roaming();
  const [edge, hub] = await hubs(roaming);
  await roaming.connect(hub);
  const { directory } = roaming.cluster;
  const outdated = await directory.read(roaming.session?.id ?? '');
  roaming.cut();
  await roaming.connect(hub);
  const find = directory.find.bind(directory);
  directory.find = () => outdated;
  const visitor = roaming.ask(edge);
  directory.find = find;
  await roaming.pass(1_000);
  roaming.at('/').stream.head(responseHead(200));
  await roaming.settle();
  assert.deepEqual(visitor.heads, [200]);
});

test('v2 resume: what is asked at the very moment a session comes is not told that it is nowhere', async () => {
  const roaming = new Roaming();
  const [edge, hub, other] = await hubs(roaming);
  const { session } = await roaming.connect(hub);
  roaming.cut();
  await roaming.settle();
  const { directory } = roaming.cluster;
  const move = directory.move.bind(directory);
  let answer: () => void = () => undefined;
  // The directory has moved it, and the answer takes its time.
  directory.move = async (...asked) => {
    const moved = await move(...asked);
    await new Promise<void>((resolve) => {
      answer = resolve;
    });
    return moved;
  };
  const resumed = roaming.connect(other);
  await roaming.settle();
  const visitor = roaming.ask(edge);
  await roaming.settle();
  answer();
  await resumed;
  assert.equal(roaming.session, session);
  await roaming.pass(2_500);
  roaming.at('/').stream.head(responseHead(200));
  await roaming.settle();
  assert.deepEqual(visitor.heads, [200]);
});
