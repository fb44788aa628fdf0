import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packetKinds } from '#messages/v2';
import { FakeClock } from '../support/fake-clock.ts';
import { quietTurns } from '../support/peer.ts';
import { silentHandler } from '../support/stream-origin.ts';
import { connectV2Pair, pairClientId } from '../support/v2-pair.ts';

/** Lets seconds pass one by one, with what happens in between. */
async function pass(clock: FakeClock, seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i += 1) {
    clock.advance(1_000);
    await quietTurns();
  }
}

test('v2 health: both ends measure the round trip every 10 s', async () => {
  const clock = new FakeClock();
  // Every answer takes 40 ms, and the two may wait for each other.
  const meddle = (packet: Buffer): Buffer[] => {
    if (packet[0] === packetKinds.pong) clock.advance(40);
    return [packet];
  };
  const { hub, agent } = await connectV2Pair(() => silentHandler, { clock, meddle });
  const measured: number[] = [];
  agent.onRoundTrip = (ms) => measured.push(Math.round(ms));
  await pass(clock, 31);
  assert.equal(measured.length, 3);
  assert.ok(
    measured.every((ms) => ms >= 40 && ms <= 160),
    String(measured),
  );
  assert.ok((hub.roundTrips.ms ?? 0) >= 40);
});

test('v2 health: a link that is doubted and silent is given up after 3 s', async () => {
  const clock = new FakeClock();
  let isSilent = false;
  const { agent, closed } = await connectV2Pair(() => silentHandler, {
    clock,
    meddle: (packet) => (isSilent ? [] : [packet]),
  });
  agent.urge();
  await pass(clock, 4);
  assert.equal(closed.agent, 0);
  isSilent = true;
  agent.urge();
  await pass(clock, 3);
  assert.equal(closed.agent, 1006);
});

test('v2 health: the hub knows what an agent says of itself', async () => {
  const { hub, agent } = await connectV2Pair(() => silentHandler, { clock: new FakeClock() });
  assert.equal(hub.state, 'online');
  agent.tell({ kind: 'status', state: 'degraded', reason: 'why' });
  await quietTurns();
  assert.deepEqual([hub.state, hub.stateReason], ['degraded', 'why']);
  agent.tell({ kind: 'status', state: 'online', reason: '' });
  await quietTurns();
  assert.equal(hub.state, 'online');
});

test('v2 health: what a probe comes to is told, for each nonce', async () => {
  const { agent } = await connectV2Pair(() => silentHandler, { clock: new FakeClock() });
  const told: string[] = [];
  agent.onProbed = ({ nonce, outcome, detail }) => told.push(`${nonce} ${outcome} ${detail}`);
  agent.tell({ kind: 'probe', nonce: 'a'.repeat(16) });
  agent.tell({ kind: 'probe', nonce: 'b'.repeat(16) });
  await quietTurns();
  assert.deepEqual(told.sort(), [`${'a'.repeat(16)} unknown `, `${'b'.repeat(16)} unknown one probe in 5 s`]);
});

test('v2 health: an agent that says goodbye gets no more streams, and keeps those under way', async () => {
  const clock = new FakeClock();
  let answer = (): void => undefined;
  const { agent, opener, hubOpener } = await connected();
  const answered = new Promise<number>((resolve) => {
    const ignore = (): void => undefined;
    const handler = { data: ignore, ended: ignore, drained: ignore, stopped: ignore, reset: ignore };
    opener
      .open({ method: 'GET', target: '/', fields: [] }, { ...handler, head: ({ status }) => resolve(status) })
      .end();
  });
  await quietTurns();
  const taken = new Promise<void>((resolve) => {
    agent.onGoodbye = resolve;
  });
  agent.tell({ kind: 'goodbye', reason: 'it ends' });
  await taken;
  assert.equal(await hubOpener(), undefined);
  answer();
  assert.equal(await answered, 200);

  async function connected() {
    const pair = await connectV2Pair(
      (_head, stream) => {
        answer = () => {
          stream.head({ status: 200, reason: '', fields: ['Content-Length', '0'] });
          stream.end();
        };
        return silentHandler;
      },
      { clock },
    );
    return { ...pair, hubOpener: async () => await pair.testHub.sessions.opener(pairClientId) };
  }
});

test('v2 health: a goodbye counts and is answered while the link is full of what a visitor sends', async () => {
  const { agent, link, testHub } = await connectV2Pair(() => silentHandler, { clock: new FakeClock() });
  let answerCount = 0;
  agent.onGoodbye = () => {
    answerCount += 1;
  };
  link.isWritable = false;
  agent.tell({ kind: 'goodbye', reason: 'it ends' });
  await quietTurns();
  assert.equal(await testHub.sessions.opener(pairClientId), undefined);
  assert.equal(answerCount, 1);
  // Who says it again and again without reading does not make the hub queue.
  agent.tell({ kind: 'goodbye', reason: 'it ends' });
  await quietTurns();
  assert.equal(answerCount, 1);
});
