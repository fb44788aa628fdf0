import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { mandateToken, newClientKey, OriginalClient } from '../support/original-client.ts';
import { startHub } from '../support/processes.ts';
import { visit } from '../support/visit.ts';

const hub = await startHub({ after });
const { port } = hub;

test('a token that was captured and sent again is refused, and its owner keeps the name', async (t) => {
  const owner = await OriginalClient.connect(t, hub);
  const token = await mandateToken(newClientKey(), hub.url);
  const { hostname } = await owner.registerWith(token);
  const thief = await OriginalClient.connect(t, hub);
  thief.send('registration-request', { mandateToken: token });
  assert.match(await thief.bareText(), /used before/);
  assert.equal((await thief.closed).code, 1008);
  const answered = visit({ port, host: String(hostname) });
  owner.answer(await owner.next('http-request'), 'mine');
  assert.equal((await answered).text, 'mine');
});

test('a token for another hub is refused in words that name both', async (t) => {
  const other = 'https://proxy.test';
  for (const uri of [other, `${hub.url}.evil.test`, `http://localhost:${port + 1}`, `https://localhost:${port}`, '']) {
    const client = await OriginalClient.connect(t, hub);
    client.send('registration-request', { mandateToken: await mandateToken(newClientKey(), uri) });
    const told = await client.bareText();
    assert.ok(told.includes(JSON.stringify(uri)) && told.includes(hub.url), told);
    const { code, reason } = await client.closed;
    assert.equal(code, 1008);
    assert.ok(told.startsWith(reason.slice(0, 100)));
  }
});

test('a token whose signature was changed is refused', async (t) => {
  const client = await OriginalClient.connect(t, hub);
  const [header, payload] = (await mandateToken(newClientKey(), hub.url)).split('.');
  const [, , signature] = (await mandateToken(newClientKey(), hub.url)).split('.');
  client.send('registration-request', { mandateToken: `${header}.${payload}.${signature}` });
  assert.match(await client.bareText(), /signature/);
  assert.equal((await client.closed).code, 1008);
});

test('a later registration takes the name; what was under way is still answered, then the old one is told', async (t) => {
  const key = newClientKey();
  const first = await OriginalClient.connect(t, hub);
  const { hostname } = await first.register(key);
  const slow = visit({ port, host: String(hostname), path: '/slow' });
  const underWay = await first.next('http-request');
  const second = await OriginalClient.connect(t, hub);
  await second.register(key);
  const fast = visit({ port, host: String(hostname), path: '/fast' });
  second.answer(await second.next('http-request'), 'new');
  assert.equal((await fast).text, 'new');
  first.answer(underWay, 'old');
  assert.equal((await slow).text, 'old');
  assert.deepEqual(await first.closed, { code: 1008, reason: 'replaced' });
});

test('a websocket that lost one of its names keeps the others', async (t) => {
  const shared = newClientKey();
  const first = await OriginalClient.connect(t, hub);
  await first.register(shared);
  const { hostname } = await first.register(newClientKey());
  const second = await OriginalClient.connect(t, hub);
  await second.register(shared);
  const answered = visit({ port, host: String(hostname) });
  first.answer(await first.next('http-request'), 'kept');
  assert.equal((await answered).text, 'kept');
});

test('after three takeovers in ten seconds the holder keeps the name and newcomers are closed with 1013', async (t) => {
  const key = newClientKey();
  const clients: OriginalClient[] = [];
  let hostname = '';
  for (let i = 0; i < 4; i += 1) {
    const client = await OriginalClient.connect(t, hub);
    hostname = String((await client.register(key))['hostname']);
    clients.push(client);
  }
  for (let i = 0; i < 2; i += 1) {
    const newcomer = await OriginalClient.connect(t, hub);
    newcomer.send('registration-request', { mandateToken: await mandateToken(key, hub.url) });
    assert.equal((await newcomer.closed).code, 1013);
  }
  const holder = clients[3] as OriginalClient;
  const answered = visit({ port, host: hostname });
  holder.answer(await holder.next('http-request'), 'kept');
  assert.equal((await answered).text, 'kept');
});
