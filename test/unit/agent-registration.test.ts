import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AditError } from '#internal/core/errors';
import { silentLog } from '#internal/core/log';
import { V1AgentSession } from '#internal/link/v1/agent-session';
import { FakeClock } from '../support/fake-clock.ts';
import { Peer, quietTurns } from '../support/peer.ts';
import { textLinkPair } from '../support/text-link-pair.ts';

/** An agent that has asked to be registered. */
async function asking(session = '') {
  const clock = new FakeClock();
  const pair = textLinkPair();
  const ends: { code: number; reason: string }[] = [];
  const accept = () => assert.fail('nothing is asked of the origin');
  const onClosed = (code: number, reason: string): void => void ends.push({ code, reason });
  const agent = new V1AgentSession(
    { maxBodyBytes: 1_000, abandonMs: 300_000 },
    { clock, log: silentLog, accept, onRegistered: () => undefined, onClosed },
    pair.right,
  );
  const peer = new Peer(pair.left);
  const registered = agent.register('a.b.c', session);
  registered.catch(() => undefined); // Each test says what it expects.
  const request = await peer.document('registration-request');
  return { clock, pair, ends, agent, peer, registered, request };
}

async function refusal(registered: Promise<unknown>): Promise<[code: string, message: string]> {
  return await registered.then(
    () => assert.fail('it was registered'),
    (error: unknown) => {
      assert.ok(error instanceof AditError);
      return [error.code, error.message];
    },
  );
}

test('the token and the session are what is asked for', async () => {
  const { request } = await asking('blue');
  assert.deepEqual([request['mandateToken'], request['session']], ['a.b.c', 'blue']);
  assert.equal('session' in (await asking()).request, false);
});

test('the answer gives the hostname, and no timer of the registration is left', async () => {
  const { peer, registered, request, clock } = await asking();
  peer.send('registration-response', { '@id': request['@id'], keyID: 'k', hostname: 'k.tunnel.test' });
  assert.equal(await registered, 'k.tunnel.test');
  assert.equal(clock.pendingCount, 1);
});

test('a hub without a domain gives no hostname', async () => {
  const { peer, registered, request } = await asking();
  peer.send('registration-response', { '@id': request['@id'], keyID: 'k' });
  assert.equal(await registered, undefined);
});

test('an answer to something else is not the one', async () => {
  const { peer, registered, request } = await asking();
  peer.send('registration-response', { '@id': 'another', keyID: 'x', hostname: 'x.tunnel.test' });
  peer.send('registration-response', { '@id': request['@id'], keyID: 'k', hostname: 'k.tunnel.test' });
  assert.equal(await registered, 'k.tunnel.test');
});

test('a bare text without a close frame is a refusal for good', async () => {
  const { peer, registered, clock } = await asking();
  peer.link.send('token has expired\n');
  await quietTurns();
  clock.advance(500);
  assert.deepEqual(await refusal(registered), ['ADIT_REFUSED', 'token has expired']);
});

test('a bare text before the end of the connection is a refusal for good', async () => {
  const { peer, registered, pair } = await asking();
  peer.link.send('token has expired');
  await quietTurns();
  pair.cut();
  assert.deepEqual(await refusal(registered), ['ADIT_REFUSED', 'token has expired']);
});

test('a close frame of 1008 is a refusal for good, with its reason', async () => {
  const { peer, registered, ends } = await asking();
  peer.link.close(1008, 'this key is not allowed');
  assert.deepEqual(await refusal(registered), ['ADIT_REFUSED', 'this key is not allowed']);
  assert.deepEqual(ends, [{ code: 1008, reason: 'this key is not allowed' }]);
});

test('of a bare text and a close frame of 1008 the text counts, since a frame may have cut it', async () => {
  const { peer, registered } = await asking();
  peer.link.send('the whole reason');
  peer.link.close(1008, 'the wh');
  assert.deepEqual(await refusal(registered), ['ADIT_REFUSED', 'the whole reason']);
});

test('1013 asks to try again, with or without a text', async () => {
  const withText = await asking();
  withText.peer.link.send('changes hands too often');
  withText.peer.link.close(1013, 'changes hands');
  assert.deepEqual(await refusal(withText.registered), ['ADIT_HUB_BUSY', 'changes hands too often']);
  const bare = await asking();
  bare.peer.link.close(1013, '');
  assert.deepEqual(await refusal(bare.registered), ['ADIT_HUB_BUSY', 'the hub asks to try again later']);
});

for (const [code, reason] of [
  [1000, 'goodbye'],
  [1001, ''],
  [1011, 'the hub made a mistake'],
] as const) {
  test(`an end with ${code} may be another the next time`, async () => {
    const { peer, registered } = await asking();
    peer.link.close(code, reason);
    const [kind, message] = await refusal(registered);
    assert.equal(kind, 'ADIT_LINK_LOST');
    assert.ok(message.includes(String(code)) && message.includes(reason));
  });
}

test('a connection that is cut may hold the next time', async () => {
  const { pair, registered } = await asking();
  pair.cut();
  assert.equal((await refusal(registered))[0], 'ADIT_LINK_LOST');
});

test('a hub that does not answer within 10 s is left', async () => {
  const { clock, registered, ends } = await asking();
  clock.advance(9_999);
  await quietTurns();
  assert.deepEqual(ends, []);
  clock.advance(1);
  assert.equal((await refusal(registered))[0], 'ADIT_LINK_LOST');
  assert.equal(ends.length, 1);
  assert.equal(clock.pendingCount, 0);
});

test('a text after the registration ends nothing', async () => {
  const { peer, registered, request, clock, ends } = await asking();
  peer.send('registration-response', { '@id': request['@id'], keyID: 'k' });
  await registered;
  peer.link.send('what is this');
  await quietTurns();
  clock.advance(1_000);
  await quietTurns();
  assert.deepEqual(ends, []);
});

test('a goodbye is a disconnect document', async () => {
  const { agent, peer } = await asking();
  agent.disconnect();
  await peer.document('disconnect');
});
