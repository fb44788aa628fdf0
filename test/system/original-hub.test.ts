import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compactVerify, EmbeddedJWK } from 'jose';
import { base64, type Document, type DocumentSocket } from '../support/document-socket.ts';
import { echo, echoed, startOrigin } from '../support/origin.ts';
import { grant, startOriginalHub } from '../support/original-hub.ts';
import {
  type AgentEventLine,
  type Cleanup,
  type Program,
  runToEnd,
  spawnAgent,
  temporaryFolder,
} from '../support/processes.ts';

const hostname = `${'a'.repeat(52)}.tunnel.test`;

interface Registered {
  agent: Program;
  client: DocumentSocket;
  request: Document;
}

async function register(t: Cleanup, hub: { url: string; client(): Promise<DocumentSocket> }): Promise<Registered> {
  const origin = await startOrigin(t, (request, response, body) => {
    const length = /^\/bytes\/(\d+)/.exec(request.url ?? '')?.[1];
    if (length === undefined) echo(request, response, body);
    else response.end(Buffer.alloc(Number(length), 'x'));
  });
  const agent = spawnAgent(t, ['--hub', hub.url, String(origin.port)]);
  const client = await hub.client();
  const request = await grant(client, hostname);
  return { agent, client, request };
}

async function event(agent: Program, name: string): Promise<AgentEventLine> {
  return await agent.line((line) => {
    const parsed = JSON.parse(line) as AgentEventLine;
    return parsed.event === name ? parsed : undefined;
  });
}

async function ask(client: DocumentSocket, members: Document): Promise<Document> {
  const id = client.send('http-request', { url: '/', headers: {}, method: 'GET', body: '', ...members });
  const answer = await client.next('http-response');
  assert.equal(answer['@id'], id);
  return answer;
}

const textOf = (document: Document): string => Buffer.from(String(document['body']), 'base64').toString('utf8');

test('a hub that grants an offer without knowing what it means is spoken to as an original one', async (t) => {
  const { agent } = await register(t, await startOriginalHub(t, { grantsOffers: true }));
  assert.equal((await event(agent, 'online')).hostname, hostname);
});

for (const grantsOffers of [false, true]) {
  test(`--wire v2 ends with 4 at an original hub that ${grantsOffers ? 'grants' : 'passes over'} the offer`, async (t) => {
    const hub = await startOriginalHub(t, { grantsOffers });
    const { code, stderr } = await runToEnd('adit', [
      '--hub',
      hub.url,
      '--wire',
      'v2',
      '--key',
      `${temporaryFolder(t)}/key.pem`,
      '3000',
    ]);
    assert.equal(code, 4);
    assert.match(stderr, /does not speak wire v2: use --wire auto/);
  });
}

test('an agent registers at an original hub with a token that is meant for it', async (t) => {
  const hub = await startOriginalHub(t);
  const { agent, request } = await register(t, hub);
  assert.match(String(request['@id']), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.ok(Math.abs(Date.parse(String(request['@timestamp'])) - Date.now()) < 60_000);
  assert.ok(!request['session']);
  const token = String(request['mandateToken']);
  const { payload, protectedHeader } = await compactVerify(token, EmbeddedJWK);
  assert.equal(protectedHeader.alg, 'ES256');
  const mandate = JSON.parse(Buffer.from(payload).toString('utf8')) as Document;
  assert.equal(mandate['@type'], 'https://schema.brickchain.com/v2/mandate-token.json');
  assert.deepEqual([mandate['uri'], mandate['ttl']], [hub.url, 60]);
  const { url, hostname: told } = await event(agent, 'online');
  assert.equal(told, hostname);
  assert.equal(url, `http://${hostname}:${new URL(hub.url).port}/`);
});

test('a path that an original hub has decoded is encoded again', async (t) => {
  const { agent, client } = await register(t, await startOriginalHub(t));
  await event(agent, 'online');
  const members = { url: '/a b/č/100%', query: 'q=1&r=%20', headers: { 'X-Multi': 'one' } };
  const answer = await ask(client, members);
  assert.equal(answer['status'], 200);
  assert.equal(answer['contentType'], 'application/json');
  const seen = echoed({ text: textOf(answer) });
  assert.equal(seen.url, '/a%20b/%C4%8D/100%25?q=1&r=%20');
  assert.equal(seen.headers['x-multi'], 'one');
  // An original hub does not say which host was asked for; only this one can have been.
  assert.equal(seen.headers['x-forwarded-host'], hostname);
});

test('a body from an original hub arrives', async (t) => {
  const { client } = await register(t, await startOriginalHub(t));
  const answer = await ask(client, { method: 'POST', body: base64('žluť'), headers: { 'Content-Length': '1' } });
  const seen = echoed({ text: textOf(answer) });
  assert.deepEqual([seen.method, seen.bodyLength], ['POST', Buffer.byteLength('žluť')]);
});

test('an agent answers 502 itself where an original hub could not carry the answer', async (t) => {
  const { client } = await register(t, await startOriginalHub(t));
  const whole = await ask(client, { url: '/bytes/380000' });
  assert.deepEqual([whole['status'], textOf(whole).length], [200, 380_000]);
  const tooLarge = await ask(client, { url: '/bytes/380001' });
  assert.equal(tooLarge['status'], 502);
  assert.match(textOf(tooLarge), /380000 bytes/);
});

test('a bare ping, and documents that are not known, do no harm', async (t) => {
  const { client } = await register(t, await startOriginalHub(t));
  client.websocket.send('{"@type":"https://proxy.brickchain.com/v1/ping.json"}\n');
  client.send('surprise', { more: [1, 2] });
  client.websocket.send('no document at all');
  assert.equal((await ask(client, {}))['status'], 200);
});

test('a websocket through an original hub carries text and ends at both ends', async (t) => {
  const { client } = await register(t, await startOriginalHub(t));
  const id = client.send('ws-request', { url: '/chat', query: 'room=1', headers: { Origin: 'https://shop.test' } });
  const response = await client.next('ws-response');
  assert.deepEqual([response['@id'], response['ok']], [id, true]);
  client.send('ws-message', { '@id': id, messageType: 1, body: 'hello žluť' });
  const message = await client.next('ws-message');
  assert.deepEqual([message['@id'], message['messageType'], message['body']], [id, 1, 'hello žluť']);
  client.send('ws-teardown', { '@id': id });
  // The websocket is gone, its name too: the next one is another.
  const other = client.send('ws-request', { url: '/chat', headers: {} });
  assert.equal((await client.next('ws-response'))['@id'], other);
});

test('SIGINT says goodbye before the agent exits with 0', async (t) => {
  const { agent, client } = await register(t, await startOriginalHub(t));
  await event(agent, 'online');
  agent.signal('SIGINT');
  await client.next('disconnect');
  client.websocket.close(1000);
  assert.deepEqual(await agent.exited, { code: 0, signal: null });
});

test('an agent that was cut off comes back with a new token', async (t) => {
  const hub = await startOriginalHub(t);
  const { agent, client, request } = await register(t, hub);
  await event(agent, 'online');
  client.websocket.terminate();
  const again = await grant(await hub.client(), hostname);
  assert.notEqual(again['mandateToken'], request['mandateToken']);
});

test('a refusal that is a bare text ends the agent with 4', async (t) => {
  const hub = await startOriginalHub(t);
  const agent = spawnAgent(t, ['--hub', hub.url, '3000']);
  const client = await hub.client();
  await client.next('registration-request');
  client.websocket.send('token is not for this host\n');
  assert.deepEqual(await agent.exited, { code: 4, signal: null });
  assert.match(agent.stderr, /token is not for this host/);
});
