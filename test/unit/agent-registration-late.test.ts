import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '#internal/core/log';
import { V1AgentSession } from '#internal/link/v1/agent-session';
import { FakeClock } from '../support/fake-clock.ts';
import { Peer, quietTurns } from '../support/peer.ts';
import { textLinkPair } from '../support/text-link-pair.ts';

function connectAgent() {
  const clock = new FakeClock();
  const pair = textLinkPair();
  const accept = () => assert.fail('nothing is asked of the origin');
  const deps = { clock, log: silentLog, accept, onRegistered: () => undefined, onClosed: () => undefined };
  const agent = new V1AgentSession({ maxBodyBytes: 1_000, abandonMs: 300_000 }, deps, pair.right);
  return { clock, pair, agent, peer: new Peer(pair.left) };
}

test('a connection that ended before the registration was sent is lost', async () => {
  const { clock, pair, agent } = connectAgent();
  pair.cut();
  let end = 'nothing';
  agent.register('a.b.c', '').catch((error: unknown) => {
    end = String((error as { code?: unknown }).code);
  });
  await quietTurns();
  clock.advance(10_000);
  await quietTurns();
  assert.equal(end, 'ADIT_LINK_LOST');
});

test('a refusal leaves no timer behind', async () => {
  const { clock, agent, peer } = connectAgent();
  const registered = agent.register('a.b.c', '');
  await peer.document('registration-request');
  peer.link.send('go away');
  peer.link.close(1008, 'go away');
  await assert.rejects(registered);
  assert.equal(clock.pendingCount, 0);
});
