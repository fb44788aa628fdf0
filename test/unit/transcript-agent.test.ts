import assert from 'node:assert/strict';
import { test } from 'node:test';
import { registrationToken } from '#internal/agent/registration-token';
import { silentLog } from '#internal/core/log';
import type { AcceptStream } from '#internal/link/stream';
import { V1AgentSession } from '#internal/link/v1/agent-session';
import { limits } from '#messages/limits';
import { FakeClock } from '../support/fake-clock.ts';
import { type Members, Peer, quietTurns } from '../support/peer.ts';
import { newTestKey } from '../support/signed-token.ts';
import { streamOrigin } from '../support/stream-origin.ts';
import { websocketOrigin } from '../support/stream-websockets.ts';
import { textLinkPair } from '../support/text-link-pair.ts';
import { contentOf, recorded, recordedExchanges, shapeOf, withId } from '../support/transcript.ts';

const noOrigin: AcceptStream = () => assert.fail('nothing is asked of the origin');

function connect(accept: AcceptStream): { session: V1AgentSession; peer: Peer } {
  const pair = textLinkPair();
  const session = new V1AgentSession(
    { maxBodyBytes: limits.v1Body, abandonMs: 300_000 },
    {
      clock: new FakeClock('2026-11-21T00:51:05Z'),
      log: silentLog,
      accept,
      onRegistered: () => undefined,
      onClosed: () => undefined,
    },
    pair.right,
  );
  return { session, peer: new Peer(pair.left) };
}

function partsOf(token: unknown): { header: Members; payload: Members } {
  const [header = '', payload = ''] = String(token).split('.');
  const read = (part: string): Members => JSON.parse(Buffer.from(part, 'base64url').toString()) as Members;
  return { header: read(header), payload: read(payload) };
}

test('the agent registers in the recorded shape, and takes the recorded answer', async () => {
  const { session, peer } = connect(noOrigin);
  const { algorithm, privateKey, jwk } = newTestKey('ES256');
  const key = { algorithm, privateKey, publicJwk: jwk, clientId: '' };
  const wallMs = Date.parse('2026-11-21T00:51:05Z');
  const registered = session.register(await registrationToken(key, { hub: 'http://127.0.0.1:7001', wallMs }), '');
  const request = await peer.document('registration-request');
  const expected = recorded('registration-request', 'client').document;
  assert.deepEqual(shapeOf(request), shapeOf(expected));
  const [own, theirs] = [partsOf(request['mandateToken']), partsOf(expected['mandateToken'])];
  assert.deepEqual(shapeOf(own.header), shapeOf(theirs.header));
  assert.deepEqual(shapeOf(own.header['jwk'] as Members), shapeOf(theirs.header['jwk'] as Members));
  assert.equal(own.header['alg'], theirs.header['alg']);
  assert.deepEqual(contentOf(own.payload), contentOf(theirs.payload));
  const answer = recorded('registration-response', 'server').document;
  peer.link.send(withId(answer, request['@id']));
  assert.equal(await registered, answer['hostname']);
});

for (const { request, response } of recordedExchanges()) {
  test(`the recorded ${request['method']} ${request['url']} reaches the origin, and is answered in the recorded shape`, async () => {
    const headers = response['headers'] as Record<string, string>;
    const asked: unknown[] = [];
    const origin = streamOrigin(({ method, target }, body) => {
      asked.push([method, target, body.toString('base64')]);
      const answered = Buffer.from(String(response['body']), 'base64');
      return { status: Number(response['status']), fields: Object.entries(headers).flat(), body: answered };
    });
    const { peer } = connect(origin);
    peer.link.send(JSON.stringify(request));
    const document = await peer.document('http-response');
    const target = request['query'] === undefined ? request['url'] : `${request['url']}?${request['query']}`;
    assert.deepEqual(asked, [[request['method'], target, request['body']]]);
    assert.deepEqual(shapeOf(document), shapeOf(response));
    // Adit passes no field of the connection; the original did.
    const { Connection: _connection, 'Keep-Alive': _keepAlive, ...endToEnd } = headers;
    assert.deepEqual(contentOf(document), { ...contentOf(response), headers: endToEnd });
    assert.equal(document['@id'], request['@id']);
  });
}

test('the recorded websocket reaches the origin, echoes and is torn down', async () => {
  const { peer } = connect(
    websocketOrigin((websocket, { target }) => {
      assert.equal(target, '/ws?x=1');
      websocket.on('message', (data) => websocket.send(`echo:${String(data)}`));
    }),
  );
  const request = recorded('ws-request', 'server');
  peer.link.send(request.text);
  const response = await peer.document('ws-response');
  assert.deepEqual(shapeOf(response), shapeOf(recorded('ws-response', 'client').document));
  assert.deepEqual(contentOf(response), contentOf(recorded('ws-response', 'client').document));
  assert.equal(response['@id'], request.document['@id']);
  for (const nth of [0, 1]) {
    peer.link.send(recorded('ws-message', 'server', nth).text);
    const message = await peer.document('ws-message');
    const expected = recorded('ws-message', 'client', nth).document;
    assert.deepEqual(shapeOf(message), shapeOf(expected));
    assert.deepEqual(contentOf(message), contentOf(expected));
    assert.equal(message['@id'], request.document['@id']);
  }
  peer.link.send(recorded('ws-teardown', 'server').text);
  const teardown = await peer.document('ws-teardown');
  assert.deepEqual(shapeOf(teardown), shapeOf(recorded('ws-teardown', 'client').document));
  assert.equal(teardown['@id'], request.document['@id']);
});

test('the recorded ping asks for no answer, and the goodbye has the recorded shape', async () => {
  const { session, peer } = connect(noOrigin);
  peer.link.send(recorded('ping', 'server').text);
  await quietTurns();
  assert.equal(peer.unreadCount, 0);
  session.disconnect();
  const goodbye = await peer.document('disconnect');
  assert.deepEqual(shapeOf(goodbye), shapeOf(recorded('disconnect', 'client').document));
});
