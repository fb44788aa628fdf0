import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { WebSocket } from 'ws';
import { base64, type Document } from '../support/document-socket.ts';
import { mandateToken, newClientKey, OriginalClient } from '../support/original-client.ts';
import { startHub } from '../support/processes.ts';
import { RawVisitor } from '../support/raw-visitor.ts';
import { visit } from '../support/visit.ts';

const hub = await startHub({ after });
const { port } = hub;

test('an original client registers and is asked as the original would ask it', async (t) => {
  const client = await OriginalClient.connect(t, hub);
  const { keyID, hostname } = await client.register(newClientKey());
  assert.match(String(keyID), /^[a-z2-7]{52}$/);
  assert.equal(hostname, `${keyID}.localhost`);
  const headers = { 'x-multi': ['one', 'two'], cookie: 'a=1' };
  const path = '/a%2Fb?q=1&r=2';
  const answered = visit({ port, host: String(hostname), path, method: 'POST', headers, body: 'čtyři' });
  const request = await client.next('http-request');
  assert.match(String(request['@id']), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.match(String(request['@timestamp']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
  assert.deepEqual(
    [request['url'], request['query'], request['method'], request['body']],
    ['/a%2Fb', 'q=1&r=2', 'POST', base64('čtyři')],
  );
  const fields = request['headers'] as Record<string, string>;
  assert.equal(fields['X-Multi'], 'one, two');
  assert.equal(fields['Cookie'], 'a=1');
  assert.equal(fields['X-Forwarded-Host'], hostname);
  assert.deepEqual([fields['Host'], fields['Connection'], fields['x-multi']], [undefined, undefined, undefined]);
  client.answer(request, 'odpověď', { contentType: 'text/x-test', headers: {}, status: 203 });
  const { status, text, headers: told } = await answered;
  assert.deepEqual([status, text, told['content-type']], [203, 'odpověď', 'text/x-test']);
});

test('a request without a query and without a body has none in its document', async (t) => {
  const client = await OriginalClient.connect(t, hub);
  const { hostname } = await client.register(newClientKey());
  const answered = visit({ port, host: String(hostname), path: '/plain' });
  const request = await client.next('http-request');
  assert.deepEqual([request['url'], 'query' in request, request['body']], ['/plain', false, '']);
  client.answer(request, '');
  assert.equal((await answered).status, 200);
});

test('one websocket carries several keys and sessions, each with its own hostname', async (t) => {
  const client = await OriginalClient.connect(t, hub);
  const key = newClientKey();
  const token = await mandateToken(key, hub.url);
  const registered = [
    await client.registerWith(token),
    // The same token again, for another session of the same websocket, is allowed.
    await client.registerWith(token, 'other'),
    await client.register(newClientKey()),
  ];
  assert.equal(new Set(registered.map(({ keyID }) => keyID)).size, 3);
  for (const { hostname } of registered) {
    const answered = visit({ port, host: String(hostname) });
    client.answer(await client.next('http-request'), String(hostname));
    assert.equal((await answered).text, hostname);
  }
});

test('registering again on the same websocket refreshes, and takes nothing away', async (t) => {
  const client = await OriginalClient.connect(t, hub);
  const key = newClientKey();
  const { hostname } = await client.register(key);
  for (let i = 0; i < 5; i += 1) assert.equal((await client.register(key))['hostname'], hostname);
  const answered = visit({ port, host: String(hostname) });
  client.answer(await client.next('http-request'), 'still here');
  assert.equal((await answered).text, 'still here');
});

test('after disconnect the hub closes the websocket and visitors are told 502 at once', async (t) => {
  const client = await OriginalClient.connect(t, hub);
  const { hostname } = await client.register(newClientKey());
  client.send('disconnect');
  assert.equal((await client.closed).code, 1000);
  const startedAt = performance.now();
  assert.equal((await visit({ port, host: String(hostname) })).status, 502);
  assert.ok(performance.now() - startedAt < 1_000);
});

test('a client that is cut off takes its requests under way with it', async (t) => {
  const client = await OriginalClient.connect(t, hub);
  const { hostname } = await client.register(newClientKey());
  const answered = visit({ port, host: String(hostname) });
  await client.next('http-request');
  client.websocket.terminate();
  const { status, headers } = await answered;
  assert.deepEqual([status, headers['adit-error']], [502, 'ADIT_LINK_LOST']);
});

test('a websocket to an original client carries messages until either end tears it down', async (t) => {
  const client = await OriginalClient.connect(t, hub);
  const { hostname } = await client.register(newClientKey());
  const dial = async (): Promise<{ websocket: WebSocket; request: Document }> => {
    const headers = { Host: String(hostname), 'X-Own': 'kept' };
    const websocket = new WebSocket(`ws://127.0.0.1:${port}/chat?room=1`, ['v1', 'v2'], { headers });
    t.after(() => websocket.terminate());
    const opened = once(websocket, 'open');
    const request = await client.next('ws-request');
    client.send('ws-response', { '@id': request['@id'], ok: true });
    await opened;
    return { websocket, request };
  };
  const { websocket, request } = await dial();
  assert.deepEqual([request['url'], request['query']], ['/chat', 'room=1']);
  const fields = request['headers'] as Record<string, string>;
  assert.equal(fields['X-Own'], 'kept');
  assert.equal(fields['Sec-Websocket-Protocol'], 'v1,v2');
  const left = ['Connection', 'Upgrade', 'Sec-Websocket-Key', 'Sec-Websocket-Version', 'Sec-Websocket-Extensions'];
  for (const name of left) assert.ok(!(name in fields), name);
  assert.equal(websocket.protocol, 'v1');
  websocket.send('from the visitor');
  const message = await client.next('ws-message');
  assert.deepEqual([message['@id'], message['messageType'], message['body']], [request['@id'], 1, 'from the visitor']);
  const heard = once(websocket, 'message') as Promise<[Buffer, boolean]>;
  client.send('ws-message', { '@id': request['@id'], messageType: 2, body: 'from the client' });
  const [data, isBinary] = await heard;
  assert.deepEqual([data.toString(), isBinary], ['from the client', true]);
  const closed = once(websocket, 'close');
  client.send('ws-teardown', { '@id': request['@id'] });
  await closed;
  const other = await dial();
  other.websocket.close(1000);
  assert.equal((await client.next('ws-teardown'))['@id'], other.request['@id']);
});

test('a client that refuses a websocket refuses the visitor, in its own words', async (t) => {
  const client = await OriginalClient.connect(t, hub);
  const { hostname } = await client.register(newClientKey());
  const visitor = await RawVisitor.connect(t, port);
  const fields = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13'];
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
  visitor.send(['GET /chat HTTP/1.1', `Host: ${hostname}`, ...fields, key, '', ''].join('\r\n'));
  const request = await client.next('ws-request');
  assert.equal(visitor.unread, '');
  client.send('ws-response', { '@id': request['@id'], ok: false, error: 'the room is full' });
  const { status, body } = await visitor.response();
  assert.equal(status, 502);
  assert.match(body, /the room is full/);
});

test('a hub without a domain gives no hostname and serves by path', async (t) => {
  const bare = await startHub(t, ['--domain', '']);
  const client = await OriginalClient.connect(t, bare);
  const response = await client.register(newClientKey());
  assert.ok(!('hostname' in response));
  const path = `/proxy/request/${response['keyID']}/here`;
  const answered = visit({ port: bare.port, host: `localhost:${bare.port}`, path });
  const request = await client.next('http-request');
  assert.equal(request['url'], '/here');
  client.answer(request, 'by path');
  assert.equal((await answered).text, 'by path');
});
