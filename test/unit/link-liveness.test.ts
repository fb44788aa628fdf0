import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '#internal/core/log';
import { V1AgentSession } from '#internal/link/v1/agent-session';
import { FakeClock } from '../support/fake-clock.ts';
import { Peer, quietTurns } from '../support/peer.ts';
import { textLinkPair } from '../support/text-link-pair.ts';
import { V1Hub } from '../support/v1-hub.ts';

/** Lets seconds pass one by one, with what happens in between. */
async function pass(clock: FakeClock, seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i += 1) {
    clock.advance(1_000);
    await quietTurns();
  }
}

function connectAgent() {
  const clock = new FakeClock();
  const pair = textLinkPair();
  const ends: number[] = [];
  const accept = () => assert.fail('nothing is asked of the origin');
  const deps = {
    clock,
    log: silentLog,
    accept,
    onRegistered: () => undefined,
    onClosed: (code: number) => ends.push(code),
  };
  const session = new V1AgentSession({ maxBodyBytes: 1_000, abandonMs: 300_000 }, deps, pair.right);
  return { clock, pair, ends, session, peer: new Peer(pair.left) };
}

test('a hub sends its ping document after 10 s without other traffic to the client', async () => {
  const clock = new FakeClock();
  const client = await new V1Hub(clock).connectRegistered();
  await pass(clock, 9);
  assert.equal(client.peer.unreadCount, 0);
  await pass(clock, 1);
  assert.equal(client.peer.unreadCount, 1);
  await client.peer.document('ping');
  await pass(clock, 10);
  await client.peer.document('ping');
});

test('a hub sends no ping while there is other traffic to the client', async () => {
  const clock = new FakeClock();
  const hub = new V1Hub(clock);
  const { session, peer } = await hub.connectRegistered();
  for (let i = 0; i < 6; i += 1) {
    await pass(clock, 5);
    const ignore = (): void => undefined;
    const handler = { head: ignore, data: ignore, ended: ignore, drained: ignore, stopped: ignore, reset: ignore };
    session.open({ method: 'GET', target: '/', fields: [] }, handler).end();
    const { '@id': id } = await peer.document('http-request');
    peer.send('http-response', { '@id': id, status: 204, headers: {}, contentType: '', body: '' });
  }
  await quietTurns();
  assert.equal(peer.unreadCount, 0);
});

test('a client that says nothing but answers websocket pings is kept', async () => {
  const clock = new FakeClock();
  const { session } = await new V1Hub(clock).connectRegistered();
  await pass(clock, 120);
  assert.equal(session.link.isClosed, false);
});

test('a client that is silently gone is forgotten after 20 s', async () => {
  const clock = new FakeClock();
  const hub = new V1Hub(clock);
  const { pair, clientId, session } = await hub.connectRegistered();
  pair.silence();
  await pass(clock, 17);
  assert.equal(hub.directory.find(clientId)?.session, session.id);
  await pass(clock, 2);
  assert.equal(hub.directory.find(clientId), undefined);
  assert.equal(hub.sessionCount, 0);
  assert.equal(clock.pendingCount, 0);
});

test('an agent that hears nothing for 20 s drops the connection', async () => {
  const { clock, pair, ends } = connectAgent();
  pair.silence();
  await pass(clock, 17);
  assert.deepEqual(ends, []);
  await pass(clock, 1);
  assert.deepEqual(ends, [1006]);
  assert.equal(clock.pendingCount, 0);
});

test('a ping document, or any byte, keeps an agent connected', async () => {
  const { clock, pair, ends, peer } = connectAgent();
  for (let i = 0; i < 5; i += 1) {
    await pass(clock, 15);
    peer.send('ping');
    await pass(clock, 15);
    pair.trickle(2);
  }
  assert.deepEqual(ends, []);
});

test('an agent asks a hub that it has not heard for 10 s by a websocket ping, not by a document', async () => {
  const { clock, ends, peer } = connectAgent();
  await pass(clock, 60);
  assert.equal(peer.unreadCount, 0);
  assert.deepEqual(ends, []);
});
