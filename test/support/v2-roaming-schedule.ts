import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import type { RequestHead } from '#internal/http1/head';
import type { AcceptedStream, StreamHandler } from '#internal/link/stream';
import type { V2AgentSession } from '#internal/link/v2/agent-session';
import { WindowBudget } from '#internal/link/v2/receive-window';
import { limits } from '#messages/limits';
import type { NodeMessage } from '#messages/node';
import { FakeClock } from './fake-clock.ts';
import type { PacketLinkPair } from './packet-link-pair.ts';
import { Random } from './random.ts';
import { TestCluster, type TestHub } from './v2-hub.ts';
import { connectAgent, openerAt } from './v2-pair.ts';
import { Party } from './v2-party.ts';
import { isUntouched } from './v2-wire.ts';

const graceMs = 40_000;
/** What a visitor may be told although nobody reset its stream: it waited for too long, and the agent never heard of it. */
const timedOut = new Set(['ADIT_TUNNEL_RECONNECTING', 'ADIT_RESPONSE_TIMEOUT']);

/** A bus that loses and doubles messages, and packets of lanes also change their order, until its time is over. */
class BadBus {
  readonly #random: Random;
  readonly #evil: number;
  readonly #held: (() => void)[] = [];
  isOver = false;

  constructor(random: Random) {
    this.#random = random;
    this.#evil = random.next() * 0.4;
  }

  readonly carry = ({ kind }: NodeMessage, deliver: () => void): void => {
    const random = this.#random;
    const isPacket = kind === 'toAgent' || kind === 'toEdge';
    if (this.isOver || !random.chance(this.#evil)) deliver();
    else if (isPacket && random.chance(0.3)) this.#held.push(deliver);
    else if (random.chance(0.4)) [deliver, deliver].forEach((again) => void again());
    if (this.#held.length > 0 && (this.isOver || random.chance(0.5))) this.#held.shift()?.();
  };
}

/** An agent that loses its connection at any moment, and comes back to any of the hubs. */
class Wanderer {
  readonly clock: FakeClock;
  readonly windows = new WindowBudget(limits.processWindows);
  readonly #accept: (head: RequestHead, stream: AcceptedStream) => StreamHandler;
  #link: PacketLinkPair | undefined;
  #isConnecting = false;
  isConnected = false;
  session: V2AgentSession | undefined;
  /** What went wrong while it connected, beside cuts. */
  failure: unknown;

  constructor(clock: FakeClock, accept: (head: RequestHead, stream: AcceptedStream) => StreamHandler) {
    this.clock = clock;
    this.#accept = accept;
  }

  cut(): void {
    this.#link?.cut();
    this.isConnected = false;
  }

  async connect(hub: TestHub): Promise<void> {
    if (this.#isConnecting) return;
    this.#isConnecting = true;
    const { clock, windows, session: resumed } = this;
    let isCut = false;
    const onLink = (link: PacketLinkPair): void => {
      const cut = (): void => {
        isCut = true;
        link.cut();
      };
      this.#link = { ...link, cut };
    };
    try {
      const { session } = await connectAgent(hub, this.#accept, {
        clock,
        windows,
        onLink,
        ...(resumed && { resumed }),
      });
      assert.equal(session, resumed ?? session, 'the session was not known any more');
      this.session = session;
      this.isConnected = !isCut;
    } catch (error) {
      if (!isCut) this.failure ??= error;
    } finally {
      this.#isConnecting = false;
    }
  }
}

/** Runs streams of two hubs' visitors to an agent that wanders between them and a third one, and checks all that is promised of them. */
export async function runRoamingSchedule(seed: number, streamCount: number) {
  const random = new Random(seed);
  const clock = new FakeClock();
  const cluster = new TestCluster(clock, graceMs);
  const windows = [new WindowBudget(limits.processWindows), new WindowBudget(limits.processWindows)];
  const hubs = [await cluster.hub(undefined, windows[0]), await cluster.hub(undefined, windows[1])];
  /** Where the agent may be; the last one has no visitors, and may end without a word. */
  const places = [...hubs, await cluster.hub()];
  const bus = new BadBus(random);
  cluster.carry = bus.carry;
  const parties: Party[] = [];
  const visitors: Party[] = [];
  const agent = new Wanderer(clock, ({ target }, stream) => {
    const party = Party.meet(visitors, target, stream, random);
    parties.push(party);
    return party;
  });
  const open = (): void => {
    const party = new Party(random);
    visitors.push(party);
    parties.push(party);
    const fields = ['Transfer-Encoding', 'chunked'];
    const head = { method: 'POST', target: `/${visitors.length - 1}`, fields };
    party.stream = openerAt(random.pick(hubs)).open(head, party);
  };
  const streamsLeft = (): number => {
    const id = agent.session?.id ?? '';
    return hubs.reduce((sum, { sessions }) => sum + sessions.lanes.streamCount(id), agent.session?.streamCount ?? 0);
  };
  const isOver = (): boolean => visitors.length === streamCount && streamsLeft() === 0;

  await agent.connect(random.pick(places));
  const unrest = random.pick([0.02, 0.1, 0.3]);
  let cuts = 0;
  let round = 0;
  for (; !isOver() && round < 2_000; round += 1) {
    if (round > 60) bus.isOver = true;
    if (visitors.length < streamCount) open();
    for (const party of parties) party.step();
    if (!bus.isOver && random.chance(unrest)) {
      agent.cut();
      cuts += 1;
    }
    if (!bus.isOver && places.length > hubs.length && random.chance(unrest / 4)) {
      await places.pop()?.end();
      agent.cut();
    }
    // Sometimes while the old connection still lives; but in the end lanes have to help themselves.
    const eagerness = bus.isOver ? 0 : unrest / 10;
    if (random.chance(agent.isConnected ? eagerness : 0.4)) void agent.connect(random.pick(places));
    await turn();
    if (agent.failure) throw agent.failure;
    if (round % 4 === 3) clock.advance(random.pick([1, 20, 300, 1_001]));
  }
  assert.ok(isOver(), `${streamsLeft()} streams are left after ${round} rounds`);
  for (const party of parties) {
    assert.ok(party.isOver, 'one end does not know that its stream is over');
    if (!party.wasReset) continue;
    // What the agent may not have heard of when a hub ended.
    if (places.length === hubs.length && party.resetCode === 'ADIT_LINK_LOST') continue;
    if (party.far) assert.ok(party.far.hasReset, `${party.resetCode} came, and nobody said so`);
    else assert.ok(timedOut.has(party.resetCode), `${party.resetCode} came of nothing`);
  }
  assert.ok([...windows, agent.windows].every(isUntouched), 'a window was not given back');
  return await leave({ clock, agent, hubs, cuts, bus });
}

/** Nothing stays when the agent does not come back. */
async function leave({
  clock,
  agent,
  hubs,
  cuts,
  bus,
}: {
  clock: FakeClock;
  agent: Wanderer;
  hubs: TestHub[];
  cuts: number;
  bus: BadBus;
}) {
  bus.isOver = true;
  agent.cut();
  for (let i = 0; i < 4 && clock.pendingCount > 0; i += 1) {
    clock.advance(i === 0 ? 12_000 : graceMs);
    for (let hop = 0; hop < 6; hop += 1) await turn();
  }
  assert.ok(hubs.every(({ sessions }) => sessions.size === 0 && sessions.v2.health.states.parked === 0));
  assert.equal(clock.pendingCount, 0, 'something is still kept');
  return { cuts };
}
