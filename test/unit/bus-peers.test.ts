import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Peers } from '#internal/bus/peers';
import { FakeClock } from '../support/fake-clock.ts';

/** What a node knows of others, while heartbeats come every half second. */
function setUp() {
  const clock = new FakeClock();
  const gone: string[] = [];
  const peers = new Peers(clock, (node) => gone.push(node));
  const pass = (ms: number, ...alive: string[]): void => {
    for (let passed = 0; passed < ms; passed += 500) {
      clock.advance(500);
      for (const node of alive) peers.heard(node, clock.now());
      peers.heardMyself();
    }
  };
  return { clock, gone, peers, pass };
}

test('a node that goes silent is gone after 3 s, and only it', () => {
  const { gone, pass } = setUp();
  pass(1_000, 'a', 'b');
  pass(2_500, 'b');
  assert.deepEqual(gone, []);
  pass(500, 'b');
  assert.deepEqual(gone, ['a']);
  pass(60_000, 'b');
  assert.deepEqual(gone, ['a']);
});

test('a node that a publish did not reach is gone after 1 s of silence', () => {
  const { gone, peers, pass } = setUp();
  pass(1_000, 'a', 'b');
  peers.unreached('a');
  peers.unreached('b');
  pass(500, 'b');
  assert.deepEqual(gone, []);
  pass(500, 'b');
  assert.deepEqual(gone, ['a']);
});

test('further publishes that do not reach a node do not put its end off', () => {
  const { gone, peers, pass } = setUp();
  pass(1_000, 'a');
  for (let i = 0; i < 2; i += 1) {
    peers.unreached('a');
    pass(500);
  }
  assert.deepEqual(gone, ['a']);
});

test('a node that was never heard is awaited for 1.5 s', () => {
  const { gone, peers, pass } = setUp();
  pass(1_000);
  assert.equal(peers.stampOf('a'), undefined);
  assert.equal(peers.stampOf('b'), undefined);
  pass(1_000, 'b');
  assert.deepEqual(gone, []);
  pass(500, 'b');
  assert.deepEqual(gone, ['a']);
});

test('whoever is deaf calls nobody gone, and hears for a while before it does', () => {
  const { clock, gone, peers, pass } = setUp();
  pass(1_000, 'a');
  peers.unreached('a');
  clock.advance(60_000);
  peers.heardMyself();
  assert.deepEqual(gone, []);
  pass(500);
  assert.deepEqual(gone, []);
  pass(500);
  assert.deepEqual(gone, ['a']);
});

test('a node that comes back in time is not gone', () => {
  const { gone, peers, pass } = setUp();
  pass(1_000, 'a');
  peers.unreached('a');
  pass(500);
  pass(500, 'a');
  pass(2_500);
  assert.deepEqual(gone, []);
  pass(500);
  assert.deepEqual(gone, ['a']);
});

test('a goodbye is final: what comes after it is not heard', () => {
  const { gone, peers } = setUp();
  peers.heard('a', 1);
  peers.left('a');
  assert.deepEqual(gone, ['a']);
  assert.equal(peers.heard('a', 2), false);
  assert.equal(peers.hasLeft('a'), true);
});

test('a node that may have missed something is heard anew: after 1 s of silence, or when a publish did not reach it', () => {
  const { clock, peers, pass } = setUp();
  pass(1_000, 'a');
  clock.advance(1_000);
  assert.equal(peers.heard('a', 1), false);
  clock.advance(1_001);
  assert.equal(peers.heard('a', 2), true);
  assert.equal(peers.heard('a', 3), false);
  peers.unreached('a');
  assert.equal(peers.heard('a', 4), true);
});

test('the stamp of a node is of no use once what is sent with it would not be delivered', () => {
  const { clock, gone, peers, pass } = setUp();
  pass(1_000, 'a');
  clock.advance(5_000);
  assert.equal(peers.stampOf('a'), 1_000);
  clock.advance(1);
  assert.equal(peers.stampOf('a'), undefined);
  peers.heard('a', 7_000);
  assert.equal(peers.stampOf('a'), 7_000);
  assert.deepEqual(gone, []);
});

test('the stamp of a node is the last one heard', () => {
  const { peers } = setUp();
  assert.equal(peers.heard('a', 7), true);
  assert.equal(peers.heard('a', 8), false);
  assert.equal(peers.stampOf('a'), 8);
});
