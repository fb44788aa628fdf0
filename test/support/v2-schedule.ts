import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { silentLog } from '#internal/core/log';
import type { AcceptedStream, StreamHandler } from '#internal/link/stream';
import { Mux } from '#internal/link/v2/mux';
import { WindowBudget } from '#internal/link/v2/receive-window';
import { limits } from '#messages/limits';
import { packetKinds } from '#messages/v2';
import { FakeClock } from './fake-clock.ts';
import { type Meddle, packetLinkPair } from './packet-link-pair.ts';
import { Random } from './random.ts';
import { pairNode } from './v2-pair.ts';
import { Party } from './v2-party.ts';
import { isUntouched } from './v2-wire.ts';

/** Drops, doubles, reorders and delays batches, until its time is over. */
function meddler(random: Random, onResend: () => void): { meddle: Meddle; stop(): void } {
  const held = { left: [] as Buffer[], right: [] as Buffer[] };
  const evil = random.next() * 0.4;
  let isOver = false;
  return {
    stop: () => {
      isOver = true;
    },
    meddle: (packet, from) => {
      if (packet[0] === packetKinds.resend) onResend();
      const waiting = held[from];
      if (isOver) return [...waiting.splice(0), packet];
      if (random.chance(evil)) {
        const fate = random.below(3);
        if (fate === 0) return [];
        if (fate === 1) return [packet, packet];
        waiting.push(packet);
        return [];
      }
      if (waiting.length === 0 || random.chance(0.5)) return [packet];
      const late = waiting.splice(random.below(waiting.length), 1);
      return random.chance(0.5) ? [packet, ...late] : [...late, packet];
    },
  };
}

/** Runs streams over one lane at random, and checks all that is promised of them. */
export async function runSchedule(seed: number, streamCount: number, { isPerfect = false } = {}) {
  const random = new Random(seed);
  const clock = new FakeClock();
  const parties: Party[] = [];
  const hubParties: Party[] = [];
  let resends = 0;
  const hand = meddler(random, () => {
    resends += 1;
  });
  if (isPerfect) hand.stop();
  const pair = packetLinkPair(hand.meddle);
  const accept = (_tunnel: number, { target }: { target: string }, stream: AcceptedStream): StreamHandler => {
    const party = Party.meet(hubParties, target, stream, random);
    parties.push(party);
    return party;
  };
  const [hub, agent] = (['hub', 'agent'] as const).map((side) => {
    const budget = new WindowBudget(limits.sessionWindows);
    const mux: Mux = new Mux(
      { node: pairNode, epoch: 1, side, maxStreams: 1_000 },
      {
        clock,
        log: { ...silentLog, error: (message, fields) => assert.fail(`${message}: ${JSON.stringify(fields)}`) },
        link: (side === 'hub' ? pair.left : pair.right)({
          packet: (packet) => mux.receive(packet),
          writable: () => mux.wake(),
          closed: () => undefined,
        }),
        budget,
        accept,
        onIdle: () => undefined,
        onStrayFrame: () => undefined,
      },
    );
    return { mux, budget };
  }) as [{ mux: Mux; budget: WindowBudget }, { mux: Mux; budget: WindowBudget }];

  let round = 0;
  const isOver = (): boolean => hub.mux.streamCount + agent.mux.streamCount === 0 && hubParties.length === streamCount;
  for (; !isOver() && round < 3_000; round += 1) {
    const toOpen = Math.min(streamCount - hubParties.length, 1 + random.below(20));
    for (let i = 0; i < toOpen; i += 1) {
      const party = new Party(random);
      hubParties.push(party);
      parties.push(party);
      const fields = ['Transfer-Encoding', 'chunked'];
      party.stream = hub.mux.open(0, { method: 'POST', target: `/${hubParties.length - 1}`, fields }, 1_000, party);
    }
    for (const party of parties) party.step();
    await turn();
    // When the lane waits for its timers only, they come faster.
    if (round % 4 === 3) clock.advance(random.pick([1, 20, 300, 1_001]));
    if (round > 200) hand.stop();
  }
  assert.ok(isOver(), `${hub.mux.streamCount} and ${agent.mux.streamCount} streams are left after ${round} rounds`);
  for (const party of parties) assert.ok(party.isOver, 'one end does not know that its stream is over');
  assert.ok(isUntouched(hub.budget) && isUntouched(agent.budget), 'a window was not given back');
  // The last acknowledgements, and then silence.
  hand.stop();
  for (let i = 0; i < 20 && clock.pendingCount > 0; i += 1) {
    clock.advance(1_001);
    for (let hop = 0; hop < 6; hop += 1) await turn();
  }
  assert.equal(clock.pendingCount, 0, 'something is still kept');
  return { resends, rounds: round };
}
