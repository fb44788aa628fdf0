import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { FakeClock } from '../support/fake-clock.ts';
import type { Members } from '../support/peer.ts';
import { RecordedResponse } from '../support/recorded-response.ts';
import { dialWebSocket } from '../support/stream-websockets.ts';
import { contentOf, recorded, recordedExchanges, shapeOf, withId } from '../support/transcript.ts';
import { type ConnectedClient, V1Hub } from '../support/v1-hub.ts';

const clientId = '4ycnrjhbh2zj3grovp4opwqrlrvtwsta2xhbod46pqtqr7tywdba';
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;
const uuidV4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

async function register(clock: FakeClock): Promise<ConnectedClient & { hub: V1Hub; response: Members }> {
  const hub = new V1Hub(clock, { domain: 'tunnel.test' });
  const client = hub.connect();
  client.peer.link.send(recorded('registration-request', 'client').text);
  return { ...client, hub, response: await client.peer.document('registration-response') };
}

test('the recorded registration is answered in the recorded shape', async () => {
  const { response, hub, session } = await register(new FakeClock('2026-11-21T00:51:05Z'));
  const expected = recorded('registration-response', 'server').document;
  assert.deepEqual(shapeOf(response), shapeOf(expected));
  assert.deepEqual(contentOf(response), contentOf(expected));
  assert.equal(response['@id'], expected['@id']);
  assert.equal(response['keyID'], clientId);
  assert.equal(response['hostname'], `${clientId}.tunnel.test`);
  assert.match(String(response['@timestamp']), rfc3339);
  assert.equal(hub.directory.find(clientId)?.session, session.id);
});

test('a hub without a domain leaves the hostname out', async () => {
  const client = new V1Hub(new FakeClock('2026-11-21T00:51:05Z'), { domain: '' }).connect();
  client.peer.link.send(recorded('registration-request', 'client').text);
  const { hostname: _hostname, ...expected } = recorded('registration-response', 'server').document;
  assert.deepEqual(shapeOf(await client.peer.document('registration-response')), shapeOf(expected));
});

for (const { request, response } of recordedExchanges()) {
  test(`the recorded ${request['method']} ${request['url']} makes the recorded document, and its answer comes out`, async () => {
    const { session, peer } = await register(new FakeClock('2026-11-21T00:51:05Z'));
    const { url, query, method, headers, body } = request as Record<string, string> & {
      headers: Record<string, string>;
    };
    const target = query === undefined ? String(url) : `${url}?${query}`;
    const fields = ['Host', `${clientId}.tunnel.test`, ...Object.entries(headers).flat()];
    const visitor = new RecordedResponse();
    const stream = session.open({ method: String(method), target, fields }, visitor);
    if (body !== '') stream.write(Buffer.from(String(body), 'base64'));
    stream.end();
    const document = await peer.document('http-request');
    assert.deepEqual(shapeOf(document), shapeOf(request));
    assert.deepEqual(contentOf(document), contentOf(request));
    assert.match(String(document['@id']), uuidV4);
    assert.match(String(document['@timestamp']), rfc3339);
    peer.link.send(withId(response, document['@id']));
    await visitor.done;
    assert.equal(visitor.status, response['status']);
    assert.equal(visitor.field('content-type'), response['contentType']);
    assert.ok(visitor.body.equals(Buffer.from(String(response['body']), 'base64')));
    assert.equal(visitor.field('content-length'), String(visitor.body.length));
    assert.equal(visitor.field('connection'), undefined);
    assert.equal(visitor.field('keep-alive'), undefined);
    assert.deepEqual(visitor.strays, []);
  });
}

test('the recorded websocket opens, echoes and is torn down', async () => {
  const { session, peer, hub } = await register(new FakeClock('2026-11-21T00:51:05Z'));
  const fields = ['Cookie', 'a=1; b=2', 'Origin', 'http://x.test'];
  const visitor = dialWebSocket(session, { target: '/ws?x=1', fields });
  const request = await peer.document('ws-request');
  const expected = recorded('ws-request', 'server').document;
  assert.deepEqual(shapeOf(request), shapeOf(expected));
  assert.deepEqual(contentOf(request), contentOf(expected));
  assert.match(String(request['@id']), uuidV4);
  peer.link.send(withId(recorded('ws-response', 'client').document, request['@id']));
  await once(visitor, 'open');
  for (const [nth, text] of ['hello', 'ünïcode ✓'].entries()) {
    visitor.send(text);
    const message = await peer.document('ws-message');
    const expectedMessage = recorded('ws-message', 'server', nth).document;
    assert.deepEqual(shapeOf(message), shapeOf(expectedMessage));
    assert.deepEqual(contentOf(message), contentOf(expectedMessage));
    assert.equal(message['@id'], request['@id']);
    peer.link.send(withId(recorded('ws-message', 'client', nth).document, request['@id']));
    const [data, isBinary] = await once(visitor, 'message');
    assert.equal(String(data), `echo:${text}`);
    assert.equal(isBinary, false);
  }
  const closed = once(visitor, 'close');
  visitor.close(1000);
  const teardown = await peer.document('ws-teardown');
  assert.deepEqual(shapeOf(teardown), shapeOf(recorded('ws-teardown', 'server').document));
  assert.equal(teardown['@id'], request['@id']);
  peer.link.send(withId(recorded('ws-teardown', 'client').document, request['@id']));
  await closed;
  assert.equal(hub.strayCount, 0);
});

test('the hub pings after 10 s of silence, in no less than the recorded shape', async () => {
  const clock = new FakeClock('2026-11-21T00:51:05Z');
  const { peer } = await register(clock);
  clock.advance(9_000);
  assert.equal(peer.unreadCount, 0);
  clock.advance(1_000);
  const ping = await peer.document('ping');
  assert.equal(ping['@type'], recorded('ping', 'server').document['@type']);
});

test('the recorded disconnect closes the websocket and frees the client id', async () => {
  const { peer, hub } = await register(new FakeClock('2026-11-21T00:51:05Z'));
  peer.link.send(recorded('disconnect', 'client').text);
  assert.equal((await peer.closed).code, 1000);
  assert.equal(hub.directory.find(clientId), undefined);
});
