import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '#internal/core/log';
import { V2AgentLink } from '#internal/link/v2/agent-link';
import type { PacketLinkHandler } from '#internal/link/v2/packet-link';
import { WindowBudget } from '#internal/link/v2/receive-window';
import { limits } from '#messages/limits';
import { encodeSessionPacket, packetKinds, type SessionPacket, sessionUnknown } from '#messages/v2';
import { responseHead } from '../support/stream-origin.ts';
import { pairClientId, type TestHub } from '../support/v2-hub.ts';
import { Roaming } from '../support/v2-roaming.ts';
import { batch, creditFrame } from '../support/v2-wire.ts';

const claim = { origin: 'http://localhost', nonce: '', session: '', epoch: 0, tunnels: [{ session: '' }] };
const proof = { key: { kid: 'a key' }, algorithm: 'ES256', signature: '', claim };
const register: SessionPacket = { kind: 'register', versions: [2], agent: 'a', limits: { streams: 9 }, ...proof };
const resume = (session: string, epoch: number): SessionPacket => ({
  kind: 'resume',
  ...proof,
  claim: { ...claim, session, epoch },
});
const nodeName = (i: number): string => (i + 1).toString(16).padStart(16, '0');

/** An agent that says what it likes. */
class BadAgent {
  readonly told: Buffer[] = [];
  closeCode = 0;
  #handler!: PacketLinkHandler;

  constructor(hub: TestHub) {
    hub.accept((handler) => {
      this.#handler = handler;
      return {
        send: (packet) => void this.told.push(packet),
        close: (code) => this.#close(code),
        destroy: () => this.#close(1_006),
        isWritable: true,
        receivedBytes: 0,
        queuedBytes: 0,
      };
    });
  }

  say(packet: SessionPacket | Buffer): void {
    this.#handler.packet(Buffer.isBuffer(packet) ? packet : encodeSessionPacket(packet));
  }

  cut(): void {
    this.#close(1_006);
  }

  get kinds(): (number | undefined)[] {
    return this.told.map(([kind]) => kind);
  }

  #close(code: number): void {
    if (this.closeCode !== 0) return;
    this.closeCode = code;
    setImmediate(() => this.#handler.closed(code, ''));
  }
}

test('v2 resume: an agent that speaks for 1,000 made-up hubs loses its session, and nothing is left', async () => {
  const roaming = new Roaming();
  const hub = await roaming.cluster.hub();
  const agent = new BadAgent(hub);
  agent.say(register);
  await roaming.settle();
  let said = 0;
  for (; said < 1_000 && agent.closeCode === 0; said += 1) {
    agent.say(batch({ node: nodeName(said) }));
    // Nobody listens as any of them, which is known at once.
    await roaming.settle();
  }
  assert.equal(agent.closeCode, 1_002);
  assert.equal(said, limits.nodesPerSession + 1);
  await roaming.settle();
  assert.equal(roaming.cluster.directory.size, 0);
  assert.equal(hub.sessions.size, 0);
  assert.equal(roaming.clock.pendingCount, 0);
});

test('v2 resume: batches of epochs that the directory does not know reach nobody', async () => {
  const roaming = new Roaming();
  const [edge, hub] = [await roaming.cluster.hub(), await roaming.cluster.hub()];
  const { session } = await roaming.connect(hub);
  const visitor = roaming.ask(edge);
  await roaming.settle();
  const agent = roaming.at('/');
  const liar = new BadAgent(hub);
  roaming.cut();
  await roaming.settle();
  liar.say(resume(session.id, 1));
  await roaming.settle();
  for (const epoch of [1, 3, 0xffff_ffff])
    liar.say(batch({ node: edge.node, epoch, frames: creditFrame(1, 2 ** 48 - 1) }));
  await roaming.settle();
  assert.equal(visitor.reason, undefined);
  liar.cut();
  await roaming.settle();
  await roaming.connect(hub);
  agent.stream.head(responseHead(200));
  await roaming.settle();
  assert.deepEqual(visitor.heads, [200]);
});

test('v2 resume: attempts for made-up sessions get one answer each, and end with the time to register', async () => {
  const roaming = new Roaming();
  const hub = await roaming.cluster.hub();
  const agent = new BadAgent(hub);
  for (let i = 0; i < 1_000; i += 1) {
    agent.say(resume(`made-up ${i}`, i));
    for (let hop = 0; hop < 3; hop += 1) await new Promise(setImmediate);
  }
  assert.equal(agent.kinds.filter((kind) => kind === packetKinds.rejected).length, 1_000);
  assert.equal(agent.told.length, 2_001);
  roaming.clock.advance(10_000);
  await roaming.settle();
  assert.equal(agent.closeCode, 1_008);
  assert.equal(hub.sessions.size, 0);
  assert.equal(roaming.clock.pendingCount, 0);
});

test('v2 resume: an agent whose session nobody knows is counted once, when it registers', async () => {
  const roaming = new Roaming();
  const hub = await roaming.cluster.hub();
  const agent = new BadAgent(hub);
  agent.say(resume('unknown', 1));
  await roaming.settle();
  assert.deepEqual(hub.registrations, []);
  agent.say(register);
  await roaming.settle();
  assert.deepEqual(hub.registrations, ['accepted']);
  agent.cut();
  await roaming.settle();
});

for (const [name, second] of Object.entries({ register, resume: resume('s', 1) })) {
  for (const [first, begin] of Object.entries({ register, resume: resume('s', 1) })) {
    test(`v2 resume: ${name} while ${first} is being decided ends the connection`, async () => {
      const roaming = new Roaming();
      const hub = await roaming.cluster.hub();
      const agent = new BadAgent(hub);
      agent.say(begin);
      agent.say(second);
      await roaming.settle();
      assert.equal(agent.closeCode, 1_002);
      assert.equal(hub.sessions.size, 0);
      assert.equal(hub.sessions.v2.health.states.parked, 0);
      assert.equal(roaming.cluster.directory.size, 0);
      assert.equal(roaming.clock.pendingCount, 0);
    });
  }

  test(`v2 resume: ${name} over a connection that has a session ends that`, async () => {
    const roaming = new Roaming();
    const hub = await roaming.cluster.hub();
    const agent = new BadAgent(hub);
    agent.say(register);
    await roaming.settle();
    agent.say(second);
    await roaming.settle();
    assert.equal(agent.closeCode, 1_002);
    assert.equal(roaming.cluster.directory.find(pairClientId), undefined);
  });
}

/** An agent's session that was cut off, and a hub that says what it likes when it comes back. */
async function badHub() {
  const roaming = new Roaming();
  const hub = await roaming.cluster.hub();
  const { session } = await roaming.connect(hub);
  const visitor = roaming.ask(hub);
  await roaming.settle();
  roaming.cut();
  await roaming.settle();
  let handler!: PacketLinkHandler;
  const sent: Buffer[] = [];
  const closeCodes: number[] = [];
  const end = (code: number): void => {
    closeCodes.push(code);
    setImmediate(() => handler.closed(code, ''));
  };
  const agent = new V2AgentLink(
    {
      clock: roaming.clock,
      log: silentLog,
      windows: new WindowBudget(limits.processWindows),
      accept: roaming.accept,
      onRegistered: () => undefined,
      onDrain: () => undefined,
      onClosed: () => undefined,
    },
    (itsHandler) => {
      handler = itsHandler;
      return {
        send: (packet) => void sent.push(packet),
        close: end,
        destroy: () => end(1_006),
        isWritable: true,
        receivedBytes: 0,
        queuedBytes: 0,
      };
    },
  );
  const say = (packet: SessionPacket | Buffer): void =>
    handler.packet(Buffer.isBuffer(packet) ? packet : encodeSessionPacket(packet));
  const come = () => agent.register(() => proof, session);
  /** The session is unharmed, and goes on at a hub that keeps the rules. */
  const check = async (): Promise<void> => {
    assert.ok(!session.isEnded);
    await roaming.connect(hub);
    assert.equal(roaming.session, session);
    roaming.at('/').stream.head(responseHead(200));
    await roaming.settle();
    assert.deepEqual(visitor.heads, [200]);
  };
  return { roaming, session, say, come, check, closeCodes, sent };
}

const hello: SessionPacket = { kind: 'hello', nonce: 'n', version: '1' };
const registered: SessionPacket = {
  kind: 'registered',
  version: 2,
  session: 'its own',
  epoch: 1,
  tunnels: [{ clientId: pairClientId }],
  limits: { streams: 9 },
  graceMs: 30_000,
};
const lies: Record<string, (SessionPacket | Buffer)[]> = {
  '`resumed` with the epoch that was': [hello, { kind: 'resumed', epoch: 1 }],
  '`resumed` with a lower epoch': [hello, { kind: 'resumed', epoch: 0 }],
  '`resumed` with an epoch that does not fit': [hello, { kind: 'resumed', epoch: 2 ** 32 }],
  '`registered` to who wanted to go on': [hello, registered],
  'batches before its answer': [hello, batch({ node: nodeName(7), epoch: 2 })],
  '`gone` before its answer': [hello, Buffer.concat([Buffer.from([packetKinds.gone]), Buffer.alloc(14)])],
  'two greetings': [hello, hello],
  "an agent's word": [hello, resume('s', 1)],
};

for (const [name, packets] of Object.entries(lies)) {
  test(`v2 resume: a hub that sends ${name} is left, and the session goes on elsewhere`, async () => {
    const { say, come, check, closeCodes } = await badHub();
    const coming = assert.rejects(come());
    for (const packet of packets) say(packet);
    await coming;
    assert.deepEqual(closeCodes.slice(0, 1), [1_002]);
    await check();
  });
}

test('v2 resume: `resumed` that nobody asked for ends a connection that serves', async () => {
  const { say, come, roaming, session, closeCodes } = await badHub();
  const coming = come();
  say(hello);
  say({ kind: 'resumed', epoch: 2 });
  await coming;
  say({ kind: 'resumed', epoch: 3 });
  await roaming.settle();
  assert.deepEqual(closeCodes, [1_002]);
  assert.equal(session.epoch, 2);
});

test('v2 resume: `rejected` to a connection that serves changes nothing', async () => {
  const { say, come, session, closeCodes } = await badHub();
  const coming = come();
  say(hello);
  say({ kind: 'resumed', epoch: 2 });
  await coming;
  say({ kind: 'rejected', code: sessionUnknown, message: 'no', isFinal: false });
  say({ kind: 'rejected', code: 'ADIT_REPLACED', message: 'no', isFinal: true });
  say({ kind: 'ping', token: 1 });
  assert.ok(!session.isEnded);
  assert.deepEqual(closeCodes, []);
});

test('v2 resume: `resumed` after the session was called unknown is a broken rule', async () => {
  const { say, come, session, closeCodes } = await badHub();
  const coming = assert.rejects(come());
  say(hello);
  say({ kind: 'rejected', code: sessionUnknown, message: 'no', isFinal: false });
  say({ kind: 'resumed', epoch: 9 });
  await coming;
  assert.ok(session.isEnded);
  assert.deepEqual(closeCodes.slice(0, 1), [1_002]);
});

test('v2 resume: a hub that speaks for 1,000 hubs is left', async () => {
  const { say, come, closeCodes } = await badHub();
  const coming = come();
  say(hello);
  say({ kind: 'resumed', epoch: 2 });
  await coming;
  for (let i = 0; i < 1_000 && closeCodes.length === 0; i += 1) say(batch({ node: nodeName(i), epoch: 2 }));
  assert.deepEqual(closeCodes, [1_002]);
});
