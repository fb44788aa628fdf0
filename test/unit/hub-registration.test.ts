import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientIdOfSession } from '#messages/client-id';
import { limits } from '#messages/limits';
import { FakeClock } from '../support/fake-clock.ts';
import { newTestKey, signToken, tokenParts, withSecondSignature } from '../support/signed-token.ts';
import { testBase, V1Hub } from '../support/v1-hub.ts';

const key = newTestKey('ES256');

test('a websocket without a registration is closed after 10 s', async () => {
  const clock = new FakeClock();
  const { peer } = new V1Hub(clock).connect();
  clock.advance(9_999);
  assert.equal(peer.unreadCount, 0);
  clock.advance(1);
  assert.deepEqual(await peer.closed, { code: 1008, reason: 'no registration within 10 seconds' });
});

test('a websocket that has registered stays', async () => {
  const clock = new FakeClock();
  const { peer, session } = await new V1Hub(clock).connectRegistered();
  clock.advance(10_000);
  await peer.document('ping');
  assert.equal(session.link.isClosed, false);
});

test('one websocket carries several keys and several sessions of a key, answered in order', async () => {
  const hub = new V1Hub(new FakeClock());
  const { peer, session } = hub.connect();
  const other = newTestKey('ES256');
  const token = hub.token(key);
  peer.send('registration-request', { '@id': 'first', mandateToken: token });
  peer.send('registration-request', { '@id': 'second', mandateToken: token, session: 'blue' });
  peer.send('registration-request', { '@id': 'third', mandateToken: hub.token(other) });
  const [first, second, third] = [
    await peer.document('registration-response'),
    await peer.document('registration-response'),
    await peer.document('registration-response'),
  ];
  assert.deepEqual([first['@id'], second['@id'], third['@id']], ['first', 'second', 'third']);
  assert.equal(second['keyID'], clientIdOfSession(String(first['keyID']), 'blue'));
  assert.equal(second['hostname'], `${second['keyID']}.tunnel.test`);
  assert.notEqual(third['keyID'], first['keyID']);
  assert.deepEqual([...session.clientIds], [first['keyID'], second['keyID'], third['keyID']]);
  for (const { keyID } of [first, second, third]) {
    assert.equal(hub.directory.find(String(keyID))?.session, session.id);
  }
});

test('registering again on the same websocket is a refresh', async () => {
  const hub = new V1Hub(new FakeClock());
  const { peer, session, clientId } = await hub.connectRegistered(key);
  peer.send('registration-request', { mandateToken: hub.token(key) });
  assert.equal((await peer.document('registration-response'))['keyID'], clientId);
  assert.equal(session.link.isClosed, false);
  assert.equal(hub.directory.size, 1);
});

test('a refusal is written as bare text, and closes with 1008 and the same reason', async () => {
  const hub = new V1Hub(new FakeClock());
  const { peer } = hub.connect();
  const parts = tokenParts(key, { uri: 'http://other.test', wallMs: Date.parse('2026-11-21T00:51:05Z') });
  peer.send('registration-request', { mandateToken: signToken(key, parts) });
  const text = await peer.text();
  assert.match(text, /registration is for "http:\/\/other\.test" but this hub is http:\/\/localhost:7001/);
  assert.deepEqual(await peer.closed, { code: 1008, reason: text });
  assert.equal(hub.directory.size, 0);
});

for (const [form, again] of [
  ['as it was', (token: string) => token],
  ["in its signature's second form", withSecondSignature],
] as const) {
  test(`a token that is sent again on another websocket, ${form}, is refused`, async () => {
    const hub = new V1Hub(new FakeClock());
    const token = hub.token(key);
    const first = hub.connect();
    first.peer.send('registration-request', { mandateToken: token });
    const { keyID } = await first.peer.document('registration-response');
    const second = hub.connect();
    second.peer.send('registration-request', { mandateToken: again(token) });
    assert.match(await second.peer.text(), /used before/);
    assert.equal((await second.peer.closed).code, 1008);
    assert.equal(hub.directory.find(String(keyID))?.session, first.session.id);
  });
}

test('a key that is not allowed is refused by name', async () => {
  const hub = new V1Hub(new FakeClock(), { isAllowed: () => false });
  const { peer } = hub.connect();
  peer.send('registration-request', { mandateToken: hub.token(key) });
  assert.match(await peer.text(), /key [a-z2-7]{52} is not allowed/);
  assert.equal((await peer.closed).code, 1008);
});

test('a session name may have 256 letters and no more', async () => {
  const hub = new V1Hub(new FakeClock());
  const { peer } = hub.connect();
  const token = hub.token(key);
  peer.send('registration-request', { mandateToken: token, session: 's'.repeat(limits.sessionNameLength) });
  await peer.document('registration-response');
  peer.send('registration-request', { mandateToken: token, session: 's'.repeat(limits.sessionNameLength + 1) });
  assert.match(await peer.text(), /256 letters/);
  assert.equal((await peer.closed).code, 1008);
});

test(`one websocket carries ${limits.registrationCount} registrations and no more`, async () => {
  const hub = new V1Hub(new FakeClock());
  const { peer, session } = hub.connect();
  const token = signToken(key, tokenParts(key, { uri: testBase, wallMs: Date.parse('2026-11-21T00:51:05Z') }));
  for (let i = 0; i < limits.registrationCount; i += 1) {
    peer.send('registration-request', { mandateToken: token, session: `s${i}` });
    await peer.document('registration-response');
  }
  assert.equal(session.clientIds.size, limits.registrationCount);
  peer.send('registration-request', { mandateToken: token, session: 'one more' });
  assert.match(await peer.text(), /at most 256 registrations/);
  assert.equal((await peer.closed).code, 1008);
});

test('a client that leaves frees its names at once', async () => {
  const hub = new V1Hub(new FakeClock());
  const { pair, clientId } = await hub.connectRegistered(key);
  pair.cut();
  assert.equal(hub.directory.find(clientId), undefined);
});
