import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { limits } from '#messages/limits';
import { frameTypes, openHeaderBytes, packetKinds } from '#messages/v2';
import type { Meddle } from '../support/packet-link-pair.ts';
import { responseHead } from '../support/stream-origin.ts';
import type { TestHub } from '../support/v2-hub.ts';
import { graceMs, Roaming } from '../support/v2-roaming.ts';
import { readBatch, readFrames } from '../support/v2-wire.ts';

/** Visitors at the agent's own hub, and at another one. */
const places: Record<string, (roaming: Roaming) => Promise<{ edge: TestHub; hub: TestHub }>> = {
  "at the agent's hub": async ({ cluster }) => {
    const hub = await cluster.hub();
    return { edge: hub, hub };
  },
  'at another hub': async ({ cluster }) => ({ edge: await cluster.hub(), hub: await cluster.hub() }),
};

/** Waits for a word of the time that is left in each `open` that an agent is sent. */
function opens(): { meddle: Meddle; msLeft: Map<string, number> } {
  const msLeft = new Map<string, number>();
  const meddle: Meddle = (packet, from) => {
    if (from === 'left' && packet[0] === packetKinds.batch) {
      const frames = readFrames(readBatch(packet).frames);
      for (const { type, payload } of frames) {
        const target = payload.toString('latin1', openHeaderBytes).split(' ')[1] ?? '';
        if (type === frameTypes.open) msLeft.set(target, payload.readUInt32BE(3));
      }
    }
    return [packet];
  };
  return { meddle, msLeft };
}

for (const [place, at] of Object.entries(places)) {
  test(`v2 resume, ${place}: after 10 s a new request is told that the agent is reconnecting, and it never hears of it`, async () => {
    const roaming = new Roaming();
    const { edge, hub } = await at(roaming);
    await roaming.connect(hub);
    // A hub that serves no visitor of this session need not know that it waits.
    const first = roaming.ask(edge, '/first');
    await roaming.settle();
    roaming.cut();
    await roaming.pass(1_000);
    const early = roaming.ask(edge, '/early', 'POST');
    early.stream.write(Buffer.alloc(1_000));
    await roaming.pass(5_000);
    const late = roaming.ask(edge, '/late');
    await roaming.pass(4_750);
    assert.deepEqual([early.reason, late.reason], [undefined, undefined]);
    await roaming.pass(500);
    assert.equal(early.reason?.code, 'ADIT_TUNNEL_RECONNECTING');
    assert.ok((early.reason?.retryAfterSeconds ?? 0) > 0);
    assert.equal(late.reason, undefined);
    await roaming.connect(hub);
    await roaming.pass(2_500);
    assert.deepEqual(roaming.targets, ['/first', '/late']);
    roaming.at('/first').stream.head(responseHead(200));
    await roaming.settle();
    assert.deepEqual(first.heads, [200]);
  });

  test(`v2 resume, ${place}: words that say again that the agent is away do not make anybody wait longer`, async () => {
    const roaming = new Roaming();
    const { edge, hub } = await at(roaming);
    const { session } = await roaming.connect(hub);
    roaming.ask(edge, '/first');
    await roaming.settle();
    roaming.cut();
    await roaming.settle();
    const visitor = roaming.ask(edge, '/late');
    for (let i = 0; i < 10; i += 1) {
      await roaming.pass(1_000);
      edge.sessions.message(hub.node, { kind: 'parked', name: session.id, payload: Buffer.alloc(0) });
    }
    await roaming.pass(250);
    assert.equal(visitor.reason?.code, 'ADIT_TUNNEL_RECONNECTING');
  });

  test(`v2 resume, ${place}: an \`open\` says how much time is left after waiting`, async () => {
    const roaming = new Roaming();
    const { edge, hub } = await at(roaming);
    await roaming.connect(hub);
    roaming.ask(edge, '/first');
    await roaming.settle();
    // Sent and lost with the connection, and waiting from the beginning.
    roaming.ask(edge, '/sent');
    await turn();
    roaming.cut();
    await roaming.pass(1_000);
    roaming.ask(edge, '/waiting');
    await roaming.pass(7_000);
    const { meddle, msLeft } = opens();
    await roaming.connect(hub, meddle);
    await roaming.pass(250);
    assert.deepEqual(roaming.targets, ['/first', '/sent', '/waiting']);
    const [sent, waiting] = [msLeft.get('/sent') ?? 0, msLeft.get('/waiting') ?? 0];
    assert.ok(sent <= 22_000 && sent >= 21_500, `${sent} ms`);
    assert.ok(waiting <= 23_000 && waiting >= 22_500, `${waiting} ms`);
  });

  test(`v2 resume, ${place}: a request whose time is over when it arrives is never dispatched`, async () => {
    const roaming = new Roaming(60_000);
    const { edge, hub } = await at(roaming);
    await roaming.connect(hub);
    roaming.ask(edge, '/first');
    await roaming.settle();
    const visitor = roaming.ask(edge, '/sent');
    // One turn gathers, and with the next one it is on its way.
    await turn();
    await turn();
    roaming.cut();
    await roaming.pass(31_000);
    await roaming.connect(hub);
    await roaming.pass(2_500);
    assert.deepEqual(roaming.targets, ['/first']);
    assert.equal(visitor.reason?.code, 'ADIT_RESPONSE_TIMEOUT');
  });

  test(`v2 resume, ${place}: when the grace time is over, streams end at both ends and nothing is kept`, async () => {
    const roaming = new Roaming();
    const { edge, hub } = await at(roaming);
    const { session } = await roaming.connect(hub);
    const visitor = roaming.ask(edge, '/', 'POST');
    await roaming.settle();
    roaming.at('/').stream.head(responseHead(200));
    visitor.stream.write(Buffer.alloc(200_000));
    roaming.at('/').stream.write(Buffer.alloc(200_000));
    await roaming.settle();
    roaming.cut();
    await roaming.pass(graceMs - 250);
    assert.equal(visitor.reason ?? roaming.at('/').reason, undefined);
    await roaming.pass(500);
    assert.equal(visitor.reason?.code, 'ADIT_LINK_LOST');
    assert.equal(roaming.at('/').reason?.code, 'ADIT_VISITOR_GONE');
    assert.ok(session.isEnded);
    assert.equal(edge.sessions.lanes.streamCount(session.id), 0);
    assert.equal(hub.sessions.v2.health.states.parked, 0);
    assert.equal(hub.sessions.v2.size, 0);
    assert.equal(roaming.cluster.directory.size, 0);
    await roaming.pass(11_000);
    assert.equal(roaming.clock.pendingCount, 0);
  });

  test(`v2 resume, ${place}: without grace everything ends with the connection`, async () => {
    const roaming = new Roaming(0);
    const { edge, hub } = await at(roaming);
    const { session } = await roaming.connect(hub);
    const visitor = roaming.ask(edge);
    await roaming.settle();
    roaming.cut();
    await roaming.settle();
    assert.equal(visitor.reason?.code, 'ADIT_LINK_LOST');
    assert.ok(session.isEnded);
    assert.equal(roaming.cluster.directory.size, 0);
  });

  test(`v2 resume, ${place}: a goodbye is no reason to wait`, async () => {
    const roaming = new Roaming();
    const { edge, hub } = await at(roaming);
    const { agent, session } = await roaming.connect(hub);
    const visitor = roaming.ask(edge);
    await roaming.settle();
    agent.disconnect();
    await roaming.settle();
    assert.equal(visitor.reason?.code, 'ADIT_LINK_LOST');
    assert.ok(session.isEnded);
    assert.equal(roaming.cluster.directory.size, 0);
  });

  test(`v2 resume, ${place}: too many streams wait: those of the longest parked session end`, async () => {
    const roaming = new Roaming();
    const { edge, hub } = await at(roaming);
    await roaming.connect(hub);
    const before = Array.from({ length: 600 }, () => roaming.ask(edge));
    await roaming.settle();
    roaming.cut();
    await roaming.pass(500);
    const other = new Roaming(graceMs, roaming);
    await other.connect(hub);
    const after = Array.from({ length: limits.parkedStreams - 599 }, () => other.ask(edge));
    await other.settle();
    assert.ok(before.every(({ reason }) => !reason));
    other.cut();
    await other.settle();
    assert.ok(before.every(({ reason }) => reason?.code === 'ADIT_LINK_LOST'));
    assert.ok(after.every(({ reason }) => !reason));
    // The longer one is back, with nothing of what it had; and the other one with all.
    const late = roaming.ask(edge, '/late');
    await roaming.connect(hub);
    await other.connect(hub);
    await roaming.pass(2_500);
    roaming.at('/late').stream.head(responseHead(200));
    for (const { stream } of other.served) stream.head(responseHead(200));
    await roaming.settle();
    assert.deepEqual(late.heads, [200]);
    assert.equal(roaming.session?.streamCount, 1);
    assert.ok(after.every(({ heads }) => heads.length === 1));
  });

  test(`v2 resume, ${place}: too many bytes wait: those of the longest parked session end`, async () => {
    const roaming = new Roaming();
    const { edge, hub } = await at(roaming);
    await roaming.connect(hub);
    const before = roaming.ask(edge, '/', 'POST');
    before.stream.write(Buffer.alloc(limits.parkedBytes / 2));
    await roaming.settle();
    roaming.cut();
    await roaming.pass(500);
    const other = new Roaming(graceMs, roaming);
    await other.connect(hub);
    const after = other.ask(edge, '/', 'POST');
    after.stream.write(Buffer.alloc(limits.parkedBytes / 2 + 100_000));
    await other.settle();
    other.cut();
    await other.settle();
    assert.equal(before.reason?.code, 'ADIT_LINK_LOST');
    assert.equal(after.reason, undefined);
  });
}
