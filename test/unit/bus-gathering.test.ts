import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gathering } from '#internal/bus/gathering';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A gathering, and what it has sent: node and messages, each behind its length. */
function start(): { gathering: Gathering; sent: [node: string, byteCount: number][] } {
  const sent: [string, number][] = [];
  const gathering = new Gathering((node) => sent.push([node, gathering.take(node)]));
  return { gathering, sent };
}

test('what each of a few turns brings goes together, once a turn has brought nothing', async () => {
  const { gathering, sent } = start();
  for (let i = 0; i < 3; i += 1) {
    assert.equal(gathering.add('a', [Buffer.alloc(6)]), 10);
    await turn();
  }
  assert.deepEqual(sent, []);
  await turn();
  assert.deepEqual(sent, [['a', 30]]);
});

test('however much comes, nothing waits for more than five turns', async () => {
  const { gathering, sent } = start();
  for (let i = 0; i < 5; i += 1) {
    gathering.add('a', [Buffer.alloc(6)]);
    await turn();
  }
  assert.deepEqual(sent, [['a', 50]]);
});

test('much waits for no other turn, and very much not for the end of its own', async () => {
  const { gathering, sent } = start();
  gathering.add('a', [Buffer.alloc(10_000), Buffer.alloc(10_000)]);
  await turn();
  assert.deepEqual(sent, [['a', 20_004]]);
  gathering.add('a', [Buffer.alloc(300_000)]);
  assert.deepEqual(sent.at(-1), ['a', 300_004]);
});

test('what cannot go yet stays, and what is taken out does not go', async () => {
  const sent: string[] = [];
  let isReady = false;
  const gathering = new Gathering((node) => {
    if (!isReady) return;
    gathering.take(node);
    sent.push(node);
  });
  for (const node of ['a', 'b']) gathering.add(node, [Buffer.alloc(6)]);
  gathering.flushAll();
  assert.equal(gathering.take('a'), 10);
  assert.equal(gathering.take('a'), 0);
  isReady = true;
  gathering.flushAll();
  assert.deepEqual(sent, ['b']);
});
