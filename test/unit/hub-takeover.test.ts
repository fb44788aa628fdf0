import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1HubSession } from '#internal/link/v1/hub-session';
import { FakeClock } from '../support/fake-clock.ts';
import { quietTurns } from '../support/peer.ts';
import { RecordedResponse } from '../support/recorded-response.ts';
import { newTestKey } from '../support/signed-token.ts';
import { dialWebSocket } from '../support/stream-websockets.ts';
import { V1Hub } from '../support/v1-hub.ts';

const key = newTestKey('ES256');
const get = { method: 'GET', target: '/', fields: [] };

test('a later registration moves the name, and the old websocket is closed as replaced', async () => {
  const hub = new V1Hub(new FakeClock());
  const old = await hub.connectRegistered(key);
  const newest = await hub.connectRegistered(key);
  assert.equal(newest.clientId, old.clientId);
  assert.deepEqual(await old.peer.closed, { code: 1008, reason: 'replaced' });
  assert.equal(hub.directory.find(old.clientId)?.session, newest.session.id);
});

test('requests under way on the old websocket are still answered before it is closed', async () => {
  const hub = new V1Hub(new FakeClock());
  const old = await hub.connectRegistered(key);
  const visitor = new RecordedResponse();
  old.session.open(get, visitor).end();
  const request = await old.peer.document('http-request');
  await hub.connectRegistered(key);
  await quietTurns();
  assert.equal(old.session.link.isClosed, false);
  old.peer.send('http-response', { '@id': request['@id'], status: 200, headers: {}, contentType: '', body: 'b2s=' });
  await visitor.done;
  assert.equal(visitor.body.toString(), 'ok');
  assert.deepEqual(await old.peer.closed, { code: 1008, reason: 'replaced' });
});

test('a request that is never answered holds the old websocket for no longer than the timeout', async () => {
  const clock = new FakeClock();
  const hub = new V1Hub(clock, { timeoutMs: 7_000 });
  const old = await hub.connectRegistered(key);
  const visitor = new RecordedResponse();
  old.session.open(get, visitor).end();
  await old.peer.document('http-request');
  await hub.connectRegistered(key);
  clock.advance(6_999);
  await quietTurns();
  assert.equal(old.session.link.isClosed, false);
  clock.advance(1);
  assert.deepEqual(await old.peer.closed, { code: 1008, reason: 'replaced' });
  await visitor.done;
  assert.equal(visitor.error?.code, 'ADIT_LINK_LOST');
});

test('an open websocket does not hold the old connection', async () => {
  const hub = new V1Hub(new FakeClock());
  const old = await hub.connectRegistered(key);
  const visitor = dialWebSocket(old.session);
  const request = await old.peer.document('ws-request');
  const opened = new Promise((resolve) => visitor.once('open', resolve));
  old.peer.send('ws-response', { '@id': request['@id'], ok: true });
  await opened;
  const closed = new Promise((resolve) => visitor.once('close', resolve));
  await hub.connectRegistered(key);
  assert.deepEqual(await old.peer.closed, { code: 1008, reason: 'replaced' });
  assert.equal(await closed, 1012);
});

test('a websocket that serves another name too loses only the one', async () => {
  const hub = new V1Hub(new FakeClock());
  const old = await hub.connectRegistered(key);
  old.peer.send('registration-request', { mandateToken: hub.token(newTestKey('ES256')) });
  const { keyID } = await old.peer.document('registration-response');
  await hub.connectRegistered(key);
  await quietTurns();
  assert.equal(old.session.link.isClosed, false);
  assert.deepEqual([...old.session.clientIds], [keyID]);
  assert.equal(hub.directory.find(String(keyID))?.session, old.session.id);
});

test('a name that was lost and taken back on the same websocket keeps it open', async () => {
  const clock = new FakeClock();
  const hub = new V1Hub(clock);
  const old = await hub.connectRegistered(key);
  const visitor = new RecordedResponse();
  old.session.open(get, visitor).end();
  const request = await old.peer.document('http-request');
  const other = await hub.connectRegistered(key);
  old.peer.send('registration-request', { mandateToken: hub.token(key) });
  await old.peer.document('registration-response');
  assert.deepEqual(await other.peer.closed, { code: 1008, reason: 'replaced' });
  old.peer.send('http-response', { '@id': request['@id'], status: 204, headers: {}, contentType: '', body: '' });
  await visitor.done;
  for (let second = 0; second < 31; second += 1) {
    clock.advance(1_000);
    await quietTurns();
  }
  assert.equal(hub.directory.find(old.clientId)?.session, old.session.id);
});

test('after 3 takeovers in 10 s the holder keeps the name and newcomers are closed with 1013 for 30 s', async () => {
  const clock = new FakeClock();
  const hub = new V1Hub(clock);
  await hub.connectRegistered(key);
  let holder: V1HubSession | undefined;
  for (let i = 0; i < 3; i += 1) {
    clock.advance(1_000);
    holder = (await hub.connectRegistered(key)).session;
  }
  clock.advance(1_000);
  const newcomer = hub.connect();
  newcomer.peer.send('registration-request', { mandateToken: hub.token(key) });
  assert.match(await newcomer.peer.text(), /changes hands too often/);
  assert.equal((await newcomer.peer.closed).code, 1013);
  assert.equal(holder?.link.isClosed, false);
});
