import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AditError } from '#internal/core/errors';
import { MemoryDirectory } from '#internal/hub/directory/memory';
import { packetKinds } from '#messages/v2';
import type { Meddle } from '../support/packet-link-pair.ts';
import { responseHead } from '../support/stream-origin.ts';
import { pairClientId, type TestHub } from '../support/v2-hub.ts';
import { connectAgent } from '../support/v2-pair.ts';
import { graceMs, Roaming } from '../support/v2-roaming.ts';

type Slow = 'claim' | 'move';

/** Makes one question to the directory slow: it is asked, or has been answered, once it is let go. */
function hold(roaming: Roaming, question: Slow, { isAnswered }: { isAnswered: boolean }): () => Promise<void> {
  const { directory } = roaming.cluster;
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const slow = async (...asked: never[]): Promise<unknown> => {
    const ask = (): unknown =>
      (MemoryDirectory.prototype[question] as (...args: never[]) => unknown).apply(directory, asked);
    if (!isAnswered) {
      await released;
      return await ask();
    }
    const answer = await ask();
    await released;
    return answer;
  };
  Object.assign(directory, { [question]: slow });
  return async () => {
    Object.assign(directory, { [question]: MemoryDirectory.prototype[question] });
    release();
    await roaming.settle();
  };
}

const isCode = (code: string) => (error: unknown) => error instanceof AditError && error.code === code;

/** The agent is more patient than its hub. */
const patient: Meddle = (packet) => {
  const text = packet.toString('latin1');
  return [packet[0] === packetKinds.registered ? Buffer.from(text.replace(`:${graceMs}`, ':99000'), 'latin1') : packet];
};

/** A session with a stream under way, cut off. */
async function begin(): Promise<{ roaming: Roaming; first: TestHub; second: TestHub; check(): Promise<void> }> {
  const roaming = new Roaming();
  const [first, second] = [await roaming.cluster.hub(), await roaming.cluster.hub()];
  const { session } = await roaming.connect(first, patient);
  const visitor = roaming.ask(second);
  await roaming.settle();
  roaming.cut();
  await roaming.settle();
  const check = async (): Promise<void> => {
    assert.equal(roaming.session, session);
    roaming.at('/').stream.head(responseHead(200));
    await roaming.pass(2_500);
    assert.deepEqual(visitor.heads, [200]);
    const found = await roaming.cluster.directory.find(pairClientId);
    assert.equal(found?.epoch, session.epoch);
  };
  return { roaming, first, second, check };
}

for (const isAnswered of [false, true]) {
  const moment = isAnswered ? 'answers too late' : 'is too slow';
  for (const ending of ['lost', 'final'] as const) {
    test(`v2 races: an agent that has gone (${ending}) while the directory ${moment} leaves nothing there`, async () => {
      const roaming = new Roaming();
      const hub = await roaming.cluster.hub();
      const release = hold(roaming, 'claim', { isAnswered });
      let leave: () => void = () => undefined;
      const attempt = connectAgent(hub, roaming.accept, {
        clock: roaming.clock,
        onLink: ({ cut }) => {
          leave = cut;
        },
        ...(ending === 'final' && {
          meddle: (packet: Buffer, from: string) => (from === 'right' ? [packet, Buffer.from([0x7f])] : [packet]),
        }),
      });
      const rejected = assert.rejects(attempt);
      await roaming.settle();
      leave();
      await rejected;
      await release();
      assert.equal(roaming.cluster.directory.find(pairClientId), undefined);
      assert.equal(roaming.cluster.directory.size, 0);
      assert.equal(hub.sessions.size, 0);
      assert.equal(hub.sessions.v2.health.states.parked, 0);
      assert.equal(roaming.clock.pendingCount, 0);
    });
  }

  for (const at of ['first', 'second'] as const) {
    test(`v2 races: a grace time that ends while the directory ${moment} leaves no session that nobody reaches, at the ${at} hub`, async () => {
      const begun = await begin();
      const { roaming } = begun;
      await roaming.pass(graceMs - 2_000);
      const release = hold(roaming, 'move', { isAnswered });
      const attempt = roaming.connect(begun[at]);
      await roaming.pass(4_000);
      await release();
      await attempt;
      await roaming.pass(graceMs + 1_000);
      assert.ok(!roaming.session?.isEnded);
      const visitor = roaming.ask(begun.second, '/late');
      await roaming.settle();
      roaming.at('/late').stream.head(responseHead(200));
      await roaming.settle();
      assert.deepEqual(visitor.heads, [200]);
    });

    test(`v2 races: a connection that is lost while the directory ${moment} at the ${at} hub parks the session`, async () => {
      const begun = await begin();
      const { roaming, check } = begun;
      const release = hold(roaming, 'move', { isAnswered });
      let cut: () => void = () => undefined;
      const attempt = roaming.connect(begun[at], undefined, (link) => {
        cut = link.cut;
      });
      const rejected = assert.rejects(attempt, isCode('ADIT_LINK_LOST'));
      await roaming.settle();
      cut();
      await rejected;
      await release();
      await roaming.pass(1_000);
      await roaming.connect(begun[at === 'first' ? 'second' : 'first']);
      await check();
    });

    test(`v2 races: such a session ends with its grace time at the ${at} hub`, async () => {
      const begun = await begin();
      const { roaming } = begun;
      const release = hold(roaming, 'move', { isAnswered });
      let cut: () => void = () => undefined;
      const attempt = roaming.connect(begun[at], undefined, (link) => {
        cut = link.cut;
      });
      const rejected = assert.rejects(attempt);
      await roaming.settle();
      cut();
      await rejected;
      await release();
      await roaming.pass(graceMs + 1_000);
      assert.equal(roaming.cluster.directory.size, 0);
      await roaming.pass(70_000);
      assert.equal(roaming.clock.pendingCount, 0);
    });

    test(`v2 races: a fresh registration while the directory ${moment} at the ${at} hub replaces who resumes`, async () => {
      const begun = await begin();
      const { roaming } = begun;
      const visitor = roaming.served[0];
      const release = hold(roaming, 'move', { isAnswered });
      const attempt = roaming.connect(begun[at]).then(
        ({ closed }) => closed.agent,
        () => 'refused',
      );
      await roaming.settle();
      const other = new Roaming();
      const { session: fresh } = await connectAgent(begun.second, other.accept, { clock: roaming.clock });
      await release();
      await attempt;
      visitor?.stream.head(responseHead(200));
      visitor?.stream.end();
      await roaming.pass(31_000);
      const found = await roaming.cluster.directory.find(pairClientId);
      assert.equal(found?.session, fresh.id);
      assert.equal(begun[at].sessions.v2.has(roaming.session?.id ?? ''), false);
      roaming.ask(begun.first, '/other');
      await roaming.settle();
      assert.deepEqual(other.targets, ['/other']);
    });
  }
}

test('v2 races: a directory that fails is no reason to give a session up', async () => {
  const { roaming, first, check } = await begin();
  const { directory } = roaming.cluster;
  directory.move = async () => {
    throw new Error('no connection');
  };
  await assert.rejects(roaming.connect(first), isCode('ADIT_HUB_BUSY'));
  Object.assign(directory, { move: MemoryDirectory.prototype.move });
  await roaming.connect(first);
  await check();
});

for (const failure of [new AditError('ADIT_HUB_BUSY', 'Redis is away'), new Error('no connection')]) {
  test(`v2 races: a directory that fails (${failure.message}) once the session is here is no reason to give it up`, async () => {
    const { roaming, first, check } = await begin();
    const { directory } = roaming.cluster;
    directory.find = () => {
      throw failure;
    };
    await assert.rejects(roaming.connect(first), isCode('ADIT_HUB_BUSY'));
    await roaming.settle();
    assert.equal(first.sessions.v2.health.states.parked, 1);
    Object.assign(directory, { find: MemoryDirectory.prototype.find });
    await roaming.connect(first);
    await check();
  });
}

test('v2 races: a directory that is too slow once the session is here is no reason to give it up', async () => {
  const { roaming, first, check } = await begin();
  const { directory } = roaming.cluster;
  Object.assign(directory, { find: () => new Promise(() => undefined) });
  const attempt = assert.rejects(roaming.connect(first), isCode('ADIT_HUB_BUSY'));
  await roaming.pass(10_000);
  await attempt;
  assert.equal(first.sessions.v2.health.states.parked, 1);
  Object.assign(directory, { find: MemoryDirectory.prototype.find });
  await roaming.connect(first);
  await check();
});

test('v2 races: an outdated memory of who has the name does not refuse the one that has it', async () => {
  const { roaming, first, check } = await begin();
  const { directory } = roaming.cluster;
  const now = directory.find(pairClientId);
  assert.ok(now);
  let remembered: typeof now | undefined = { ...now, session: 'an earlier one' };
  directory.find = () => remembered ?? now;
  directory.invalidate = () => {
    remembered = undefined;
  };
  await roaming.connect(first);
  directory.find = MemoryDirectory.prototype.find;
  await check();
});
