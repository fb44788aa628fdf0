import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import type { Directory, SessionRecord } from '#internal/hub/directory/directory';

/** Makes the directories of hubs that share one: one for each node. */
export type MakeDirectories = (t: TestContext) => Promise<(node: string) => Promise<Directory>>;

export const newNode = (): string => randomBytes(8).toString('hex');
export const newClientId = (): string => `id-${randomUUID()}`;

export function recordOf(node: string, ...clientIds: string[]): SessionRecord {
  return { session: randomUUID(), node, epoch: 1, wire: 'v2', keyId: 'key', maxStreams: 100, clientIds };
}

/** What every directory promises. */
export function directoryContract(name: string, makeDirectories: MakeDirectories): void {
  /** A hub's directory, and another hub's. */
  async function setUp(t: TestContext) {
    const make = await makeDirectories(t);
    const [node, otherNode] = [newNode(), newNode()];
    return { node, otherNode, directory: await make(node), other: await make(otherNode) };
  }

  test(`${name}: nobody serves an id that was never claimed`, async (t) => {
    const { directory } = await setUp(t);
    assert.equal(await directory.find(newClientId()), undefined);
    assert.equal(await directory.read(randomUUID()), undefined);
  });

  test(`${name}: a claimed id leads to its session, at once where that is held and from elsewhere`, async (t) => {
    const { node, directory, other } = await setUp(t);
    const record = recordOf(node, newClientId(), newClientId());
    assert.deepEqual(await directory.claim(record, record.clientIds), []);
    for (const clientId of record.clientIds) {
      assert.deepEqual(directory.find(clientId), record);
      assert.deepEqual(await other.find(clientId), record);
    }
    assert.deepEqual(await other.read(record.session), record);
    assert.equal(directory.size, 2);
  });

  test(`${name}: the later claim wins and is told what others lost by it`, async (t) => {
    const { node, otherNode, directory, other } = await setUp(t);
    const [kept, lost] = [newClientId(), newClientId()];
    const first = recordOf(node, kept, lost);
    const second = recordOf(otherNode, lost);
    await directory.claim(first, [kept, lost]);
    assert.deepEqual(await other.claim(second, [lost]), [{ previous: first, clientId: lost }]);
    assert.deepEqual(other.find(lost), second);
    assert.deepEqual(await other.find(kept), first);
    await eventually(async () => assert.deepEqual(await directory.find(lost), second));
    assert.deepEqual(directory.find(kept), first);
  });

  test(`${name}: of many claims at the same time each but the first is told of one loss`, async (t) => {
    const { node, otherNode, directory, other } = await setUp(t);
    const clientId = newClientId();
    const claims = Array.from({ length: 20 }, (_, i) => {
      const record = recordOf(i % 2 ? node : otherNode, clientId);
      return (i % 2 ? directory : other).claim(record, [clientId]);
    });
    const losers = (await Promise.all(claims)).flat().map(({ previous }) => previous.session);
    assert.equal(new Set(losers).size, 19);
    await eventually(async () => {
      const [one, two] = [await directory.find(clientId), await other.find(clientId)];
      assert.ok(one && !losers.includes(one.session), 'a loser has it');
      assert.deepEqual(one, two);
    });
  });

  test(`${name}: a session that claims one id after the other has them all, and loses nothing to itself`, async (t) => {
    const { node, directory, other } = await setUp(t);
    const [one, two] = [newClientId(), newClientId()];
    const record = recordOf(node, one);
    await directory.claim(record, [one]);
    assert.deepEqual(await other.find(one), record);
    const grown = { ...record, clientIds: [one, two] };
    assert.deepEqual(await directory.claim(grown, [two, one]), []);
    assert.deepEqual(directory.find(one), grown);
    await eventually(async () => assert.deepEqual(await other.find(one), grown));
  });

  test(`${name}: a released id is free, unless a newer claim has moved it`, async (t) => {
    const { node, otherNode, directory, other } = await setUp(t);
    const [freed, moved] = [newClientId(), newClientId()];
    const first = recordOf(node, freed, moved);
    const second = recordOf(otherNode, moved);
    await directory.claim(first, [freed, moved]);
    await other.claim(second, [moved]);
    await directory.release(freed, first.session);
    await directory.release(moved, first.session);
    assert.equal(await directory.find(freed), undefined);
    assert.deepEqual(other.find(moved), second);
    await eventually(async () => assert.equal(await other.find(freed), undefined));
  });

  test(`${name}: a session moves once for each epoch, with its ids`, async (t) => {
    const { node, otherNode, directory, other } = await setUp(t);
    const clientId = newClientId();
    const record = recordOf(node, clientId);
    await directory.claim(record, [clientId]);
    const moved = { ...record, node: otherNode, epoch: 2 };
    assert.deepEqual(await other.move(record.session, 1, otherNode), moved);
    assert.equal(await other.move(record.session, 1, otherNode), undefined);
    assert.equal(await directory.move(record.session, 1, node), undefined);
    assert.deepEqual(other.find(clientId), moved);
    assert.deepEqual(await directory.read(record.session), moved);
    await eventually(async () => assert.deepEqual(await directory.find(clientId), moved));
    const back = { ...record, epoch: 3 };
    assert.deepEqual(await directory.move(record.session, 2, node), back);
    assert.deepEqual(directory.find(clientId), back);
    await eventually(async () => assert.deepEqual(await other.find(clientId), back));
  });

  test(`${name}: of many that move a session at the same time one does`, async (t) => {
    const { node, otherNode, directory, other } = await setUp(t);
    const clientId = newClientId();
    const record = recordOf(node, clientId);
    await directory.claim(record, [clientId]);
    const moves = Array.from({ length: 20 }, (_, i) =>
      i % 2 ? directory.move(record.session, 1, node) : other.move(record.session, 1, otherNode),
    );
    const [winner, ...more] = (await Promise.all(moves)).filter((moved) => moved !== undefined);
    assert.ok(winner && more.length === 0);
    await eventually(async () => assert.deepEqual(await directory.find(clientId), winner));
    await eventually(async () => assert.deepEqual(await other.find(clientId), winner));
  });

  test(`${name}: a session that moves takes only the ids that are still its own`, async (t) => {
    const { node, otherNode, directory, other } = await setUp(t);
    const [kept, lost] = [newClientId(), newClientId()];
    const record = recordOf(node, kept, lost);
    const thief = recordOf(node, lost);
    await directory.claim(record, [kept, lost]);
    await directory.claim(thief, [lost]);
    await other.move(record.session, 1, otherNode);
    assert.deepEqual(await other.find(lost), thief);
    assert.equal((await other.find(kept))?.node, otherNode);
  });

  test(`${name}: a session that has ended is forgotten with its ids, and can't be moved`, async (t) => {
    const { node, otherNode, directory, other } = await setUp(t);
    const [own, taken] = [newClientId(), newClientId()];
    const record = recordOf(node, own, taken);
    const thief = recordOf(otherNode, taken);
    await directory.claim(record, [own, taken]);
    await other.claim(thief, [taken]);
    assert.equal((await other.find(own))?.session, record.session);
    await directory.end(record.session, node);
    assert.equal(await directory.find(own), undefined);
    assert.equal(await other.read(record.session), undefined);
    assert.equal(await other.move(record.session, 1, otherNode), undefined);
    assert.deepEqual(other.find(taken), thief);
    await eventually(async () => assert.equal(await other.find(own), undefined));
  });

  test(`${name}: a hub can't end a session that another one holds by now`, async (t) => {
    const { node, otherNode, directory, other } = await setUp(t);
    const clientId = newClientId();
    const record = recordOf(node, clientId);
    await directory.claim(record, [clientId]);
    await other.move(record.session, 1, otherNode);
    await directory.end(record.session, node);
    assert.equal((await other.find(clientId))?.node, otherNode);
    assert.equal((await directory.read(record.session))?.epoch, 2);
  });
}

/**
 * Waits until others have heard of it. An `assert.ok` in `check` has to bring its own message: to make one up Node.js reads
 * the source, which can take minutes.
 */
export async function eventually(check: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + 5_000;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
