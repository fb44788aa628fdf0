import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { base64, type Document } from '../support/document-socket.ts';
import { newClientKey, OriginalClient } from '../support/original-client.ts';
import { startHub } from '../support/processes.ts';
import { visit } from '../support/visit.ts';

const hub = await startHub({ after }, ['--metrics-listen', '127.0.0.1:0']);
const { port } = hub;
const metricsPort = Number(await hub.program.line((line) => /"metricsPort":(\d+)/.exec(line)?.[1]));

async function metric(name: string): Promise<number> {
  const { text } = await visit({ port: metricsPort, host: '127.0.0.1', path: '/metrics' });
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

async function register(t: { after(undo: () => void): void }): Promise<{ client: OriginalClient; host: string }> {
  const client = await OriginalClient.connect(t, hub);
  const { hostname } = await client.register(newClientKey());
  return { client, host: String(hostname) };
}

/** Answers one request with these members and gives what the visitor got. */
async function answered(client: OriginalClient, host: string, members: Document, method = 'GET') {
  const visited = visit({ port, host, method });
  client.answer(await client.next('http-request'), 'body', members);
  return await visited;
}

/** Waits until the hub has read everything that the client sent. */
async function settled(client: OriginalClient): Promise<void> {
  const pong = once(client.websocket, 'pong');
  client.websocket.ping();
  await pong;
}

test('answers that nobody waits for are dropped and counted', async (t) => {
  const { client, host } = await register(t);
  const other = await register(t);
  const visited = visit({ port, host });
  const request = await client.next('http-request');
  const before = await metric('adit_stray_answers_total');
  // One for a request of another tenant, one for none.
  other.client.answer(request, 'stolen');
  other.client.answer({ '@id': '0b6f6a0e-5f0a-4d6e-9a3c-2f1f5a7a9b10' }, 'invented');
  await settled(other.client);
  client.answer(request, 'right');
  assert.equal((await visited).text, 'right');
  client.answer(request, 'again');
  await settled(client);
  assert.equal(await metric('adit_stray_answers_total'), before + 3);
  assert.equal((await answered(client, host, {})).status, 200);
});

const broken: [what: string, members: Document][] = [
  ['a status of 99', { status: 99 }],
  ['a status of 1000', { status: 1_000 }],
  ['a status that is a text', { status: '2e2' }],
  ['a 101 that nobody asked for', { status: 101 }],
  ['a field with a line end', { headers: { 'X-Bad': 'a\r\nSet-Cookie: b=1' } }],
  ['a field name with a line end', { headers: { 'X-Bad\r\nX': 'a' } }],
  ['a content type with a line end', { headers: {}, contentType: 'text/plain\r\nX: y' }],
  ['a body that is not base64', { body: '&&&&' }],
  ['a body in the alphabet of URLs', { body: '_-8=' }],
  ['a body without its padding', { body: base64('a').replace(/=+$/, '') }],
  ['headers that are no object', { headers: 'Content-Type: text/plain' }],
];

for (const [what, members] of broken) {
  test(`fails that one request and not the session: ${what}`, async (t) => {
    const { client, host } = await register(t);
    const { status, headers } = await answered(client, host, members);
    assert.equal(status, 502);
    assert.equal(headers['adit-error'], 'ADIT_AGENT_BAD_ANSWER');
    assert.equal(headers['set-cookie'], undefined);
    assert.equal((await answered(client, host, {})).text, 'body');
  });
}

test('a body that disagrees with its announced length is sent with its true one', async (t) => {
  const { client, host } = await register(t);
  for (const length of ['1', '9', 'many']) {
    const { status, text, headers } = await answered(client, host, { headers: { 'Content-Length': length } });
    assert.deepEqual([status, text, headers['content-length']], [200, 'body', '4']);
  }
});

test('fields of one connection do not come through a tunnel', async (t) => {
  const { client, host } = await register(t);
  const hop = { Connection: 'X-Secret', 'X-Secret': 'hop', 'Keep-Alive': 'timeout=1', 'Transfer-Encoding': 'chunked' };
  const { text, headers } = await answered(client, host, { headers: hop });
  assert.equal(text, 'body');
  assert.equal(headers['x-secret'], undefined);
  assert.notEqual(headers['keep-alive'], 'timeout=1');
  assert.equal(headers['transfer-encoding'], undefined);
});

test('a body where none may be is dropped', async (t) => {
  const { client, host } = await register(t);
  for (const status of [204, 304]) {
    const { body } = await answered(client, host, { status });
    assert.equal(body.length, 0);
  }
  assert.equal((await answered(client, host, {}, 'HEAD')).body.length, 0);
  assert.equal((await answered(client, host, {})).text, 'body');
});

test('members that would reach the prototype of every object do not', async (t) => {
  const { client, host } = await register(t);
  client.websocket.send('{"@type":"https://proxy.brickchain.com/v1/ping.json","__proto__":{"admin":true}}');
  const visited = visit({ port, host });
  const { '@id': id } = await client.next('http-request');
  const type = 'https://proxy.brickchain.com/v1/http-response.json';
  const headers = '{"__proto__":"x","X-Own":"kept"}';
  client.websocket.send(`{"@type":"${type}","@id":"${id}","status":200,"headers":${headers},"body":""}`);
  const { status, headers: told, rawHeaders } = await visited;
  assert.deepEqual([status, told['x-own']], [200, 'kept']);
  assert.ok(rawHeaders.some((name) => name.toLowerCase() === '__proto__'));
  assert.equal((await answered(client, host, {})).headers['admin'], undefined);
});
