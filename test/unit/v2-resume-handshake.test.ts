import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AditError } from '#internal/core/errors';
import { packetKinds, sessionUnknown } from '#messages/v2';
import type { Meddle } from '../support/packet-link-pair.ts';
import { responseHead } from '../support/stream-origin.ts';
import { pairClientId, type TestHub } from '../support/v2-hub.ts';
import { connectAgent } from '../support/v2-pair.ts';
import { graceMs, Roaming } from '../support/v2-roaming.ts';

/** A stream that is under way when the agent loses its connection, and whether it comes through. */
async function begin(hubCount = 2) {
  const roaming = new Roaming();
  const hubs: TestHub[] = [];
  for (let i = 0; i < hubCount; i += 1) hubs.push(await roaming.cluster.hub());
  const [first, second] = hubs as [TestHub, TestHub];
  await roaming.connect(first);
  const visitor = roaming.ask(first, '/', 'POST');
  visitor.stream.write(Buffer.from('a'));
  await roaming.settle();
  const check = async (): Promise<void> => {
    visitor.stream.write(Buffer.from('b'));
    roaming.at('/').stream.head(responseHead(200));
    await roaming.pass(2_500);
    assert.equal(roaming.at('/').text, 'ab');
    assert.deepEqual(visitor.heads, [200]);
    assert.equal(visitor.reason, undefined);
  };
  const { session } = roaming;
  assert.ok(session);
  const epoch = async (): Promise<number | undefined> => (await roaming.cluster.directory.read(session.id))?.epoch;
  return { roaming, first, second, session, visitor, check, epoch };
}

const isCode = (code: string) => (error: unknown) => error instanceof AditError && error.code === code;

/** Which packet is lost, with the connection below. */
const cuts: Record<string, { kind: number; epoch: number }> = {
  'before the hub greets': { kind: packetKinds.hello, epoch: 1 },
  'with `resume` on its way': { kind: packetKinds.resume, epoch: 1 },
  'with `resumed` on its way': { kind: packetKinds.resumed, epoch: 2 },
};

for (const at of ['first', 'second'] as const) {
  for (const [moment, { kind, epoch }] of Object.entries(cuts)) {
    test(`v2 resume: a cut ${moment} at the ${at} hub is mended by the next attempt`, async () => {
      const begun = await begin();
      const { roaming, session, check } = begun;
      roaming.cut();
      await roaming.settle();
      let cut: () => void = () => undefined;
      const meddle: Meddle = (packet) => {
        if (packet[0] !== kind) return [packet];
        cut();
        return [];
      };
      const attempt = roaming.connect(begun[at], meddle, (link) => {
        cut = link.cut;
      });
      await assert.rejects(attempt, isCode('ADIT_LINK_LOST'));
      await roaming.settle();
      assert.equal(await begun.epoch(), epoch);
      assert.equal(session.epoch, 1, 'the agent knows nothing of it');
      await roaming.connect(begun[at === 'first' ? 'second' : 'first']);
      assert.equal(roaming.session, session);
      assert.equal(session.epoch, epoch + 1);
      await check();
    });
  }

  test(`v2 resume: a session whose agent was cut off with \`resumed\` on its way ends with the grace time at the ${at} hub`, async () => {
    const begun = await begin();
    const { roaming, visitor } = begun;
    roaming.cut();
    await roaming.settle();
    let cut: () => void = () => undefined;
    const meddle: Meddle = (packet) => {
      if (packet[0] === packetKinds.resumed) cut();
      return packet[0] === packetKinds.resumed ? [] : [packet];
    };
    const attempt = roaming.connect(begun[at], meddle, (link) => {
      cut = link.cut;
    });
    await assert.rejects(attempt, isCode('ADIT_LINK_LOST'));
    await roaming.pass(graceMs + 2_000);
    assert.equal(visitor.reason?.code, 'ADIT_LINK_LOST');
    assert.equal(await begun.epoch(), undefined);
    assert.equal(roaming.cluster.directory.find(pairClientId), undefined);
    await roaming.pass(31_000);
    assert.equal(roaming.clock.pendingCount, 0);
  });
}

test('v2 resume: while the old connection still lives, the new one replaces it, and nothing is parked', async () => {
  const { roaming, first, session, check } = await begin();
  const old = roaming.current;
  await roaming.connect(first);
  assert.equal(old?.closed.agent, 1_006);
  assert.equal(first.sessions.v2.health.states.parked, 0);
  assert.equal(roaming.session, session);
  assert.equal(first.sessions.v2.size, 1);
  await check();
});

test('v2 resume: at another hub while the old connection still lives, the old hub gives it up', async () => {
  const { roaming, first, second, check } = await begin();
  const old = roaming.current;
  await roaming.connect(second);
  assert.equal(old?.closed.agent, 1_006);
  assert.ok(!first.sessions.v2.has(roaming.session?.id ?? ''));
  assert.equal(second.sessions.v2.health.states.parked, 0);
  await check();
});

test('v2 resume: of two attempts at once exactly one holds the session', async () => {
  const { roaming, first, second, session, check } = await begin();
  roaming.cut();
  await roaming.settle();
  const { clock, accept } = roaming;
  const attempts = [first, second, first].map((hub) => connectAgent(hub, accept, { clock, resumed: session }));
  await Promise.allSettled(attempts);
  await roaming.settle();
  const holders = [first, second].filter(({ sessions }) => sessions.v2.has(session.id));
  assert.equal(holders.length, 1);
  const record = await roaming.cluster.directory.read(session.id);
  assert.equal(record?.node, holders[0]?.node);
  await roaming.connect(holders[0] as TestHub);
  await check();
});

test('v2 resume: a hub that heard late that a session had moved keeps one that has come back since', async () => {
  const { roaming, first, second, session, check } = await begin();
  roaming.cluster.carry = ({ kind }, deliver) => void (kind === 'moved' || deliver());
  roaming.cut();
  await roaming.connect(second);
  roaming.cut();
  await roaming.connect(first);
  assert.equal(session.epoch, 3);
  first.sessions.message(second.node, { kind: 'moved', name: session.id, payload: Buffer.from('2') });
  await roaming.settle();
  assert.equal(roaming.current?.closed.agent, 0);
  await check();
});

test('v2 resume: nobody knows the session: a new hello, and a new registration over the same websocket', async () => {
  const { roaming, session, visitor } = await begin(1);
  const elsewhere = new Roaming();
  const stranger = await elsewhere.cluster.hub();
  roaming.cut();
  await roaming.settle();
  const kinds: number[] = [];
  const { session: fresh } = await roaming.connect(stranger, (packet) => {
    kinds.push(packet[0] as number);
    return [packet];
  });
  const { hello, resume, rejected, register, registered } = packetKinds;
  assert.deepEqual(kinds.slice(0, 6), [hello, resume, rejected, hello, register, registered]);
  assert.notEqual(fresh.id, session.id);
  assert.ok(session.isEnded);
  assert.equal(roaming.at('/').reason?.code, 'ADIT_VISITOR_GONE');
  assert.equal(visitor.reason, undefined, 'its hub still waits');
});

test('v2 resume: another key does not get the session, and hears no more than that there is none', async () => {
  const { roaming, first, session, check } = await begin(1);
  roaming.cut();
  await roaming.settle();
  const told: Buffer[] = [];
  const thief = new Roaming();
  const meddle: Meddle = (packet) => {
    if (packet[0] === packetKinds.rejected) told.push(packet);
    return packet[0] === packetKinds.register ? [] : [packet];
  };
  const stolen = Object.assign(Object.create(session), { endIfParked: () => undefined });
  const attempt = connectAgent(first, thief.accept, {
    clock: roaming.clock,
    resumed: stolen,
    meddle,
    kid: 'another key',
  });
  await roaming.settle();
  roaming.clock.advance(10_000);
  await assert.rejects(attempt, isCode('ADIT_LINK_LOST'));
  assert.match(told.map(String).join(), new RegExp(sessionUnknown));
  await roaming.connect(first);
  assert.equal(roaming.session, session);
  assert.equal(session.epoch, 2);
  await check();
});

test('v2 resume: a hub whose directory does not answer in time asks to try again later', async () => {
  const { roaming, first, session, check } = await begin(1);
  roaming.cut();
  await roaming.settle();
  const { directory } = roaming.cluster;
  const read = directory.read.bind(directory);
  let answer: () => void = () => undefined;
  directory.read = async (id) => {
    await new Promise<void>((resolve) => {
      answer = resolve;
    });
    return await read(id);
  };
  const attempt = roaming.connect(first);
  await roaming.settle();
  roaming.clock.advance(10_000);
  await assert.rejects(attempt, isCode('ADIT_HUB_BUSY'));
  answer();
  directory.read = read;
  await roaming.connect(first);
  assert.equal(roaming.session, session);
  await check();
});

test('v2 resume: an epoch that the directory has not reached is refused', async () => {
  const { roaming, first, session } = await begin(1);
  roaming.cut();
  await roaming.settle();
  session.epoch = 2;
  const { session: fresh } = await roaming.connect(first);
  assert.notEqual(fresh.id, session.id);
  assert.ok(session.isEnded);
});

for (const isParked of [true, false]) {
  test(`v2 resume: a fresh registration of the key takes the place of a ${isParked ? 'parked' : 'lost'} session, which comes back in vain`, async () => {
    const { roaming, first, second, session, visitor } = await begin();
    // Without a word the hub takes the old connection for a living one.
    if (isParked) roaming.cut();
    await roaming.settle();
    const other = new Roaming();
    await connectAgent(second, other.accept, { clock: roaming.clock });
    await roaming.settle();
    assert.equal(visitor.reason?.code, isParked ? 'ADIT_LINK_LOST' : undefined);
    assert.equal(first.sessions.v2.has(session.id), !isParked);
    await assert.rejects(roaming.connect(first), isCode('ADIT_REPLACED'));
    roaming.ask(first, '/other');
    await roaming.settle();
    assert.deepEqual(other.targets, ['/other']);
  });
}
