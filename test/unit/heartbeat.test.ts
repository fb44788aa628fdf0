import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Heartbeat } from '#internal/link/heartbeat';
import { FakeClock } from '../support/fake-clock.ts';

/** A link whose received bytes the test counts, and what its heartbeat does, as second and deed. */
function startHeartbeat() {
  const clock = new FakeClock();
  const link = { receivedBytes: 0, deeds: [] as string[] };
  const note = (deed: string) => () => void link.deeds.push(`${clock.now() / 1_000} ${deed}`);
  const heartbeat = new Heartbeat(clock, {
    unheard: note('ask'),
    dead: note('dead'),
    receivedBytes: () => link.receivedBytes,
  });
  return { clock, link, heartbeat };
}

test('heartbeat: it asks every 10 s, also while bytes come', () => {
  const { clock, link } = startHeartbeat();
  for (let second = 0; second < 35; second += 1) {
    link.receivedBytes += 1;
    clock.advance(1_000);
  }
  assert.deepEqual(link.deeds, ['10 ask', '20 ask', '30 ask']);
});

test('heartbeat: a link is dead within 20 s of its last byte, and was asked before', () => {
  const { clock, link } = startHeartbeat();
  clock.advance(4_500);
  link.receivedBytes += 1;
  clock.advance(60_000);
  assert.deepEqual(link.deeds, ['10 ask', '20 ask', '23 dead']);
  assert.equal(clock.pendingCount, 0);
});

test('heartbeat: after an urgent question a byte must come within 3 s', () => {
  const { clock, link, heartbeat } = startHeartbeat();
  clock.advance(5_000);
  heartbeat.urge();
  clock.advance(3_000);
  assert.deepEqual(link.deeds, ['5 ask', '8 dead']);
  assert.equal(clock.pendingCount, 0);
});

test('heartbeat: a byte after an urgent question is life', () => {
  const { clock, link, heartbeat } = startHeartbeat();
  heartbeat.urge();
  clock.advance(2_999);
  link.receivedBytes += 1;
  clock.advance(5_000);
  assert.deepEqual(link.deeds, ['0 ask']);
});

test('heartbeat: who is urged again and again gives a dead link up all the same', () => {
  const { clock, link, heartbeat } = startHeartbeat();
  for (let i = 0; i < 3; i += 1) {
    heartbeat.urge();
    clock.advance(1_000);
  }
  assert.deepEqual(link.deeds, ['0 ask', '1 ask', '2 ask', '3 dead']);
});

test('heartbeat: what slept for long finds its link dead when it wakes', () => {
  const { clock, link } = startHeartbeat();
  clock.sleep(3_600_000, { isCounted: true });
  clock.advance(1_000);
  assert.deepEqual(link.deeds, ['3600 dead']);
});
