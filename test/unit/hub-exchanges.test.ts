import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AditError } from '#internal/core/errors';
import { limits } from '#messages/limits';
import { FakeClock } from '../support/fake-clock.ts';
import { quietTurns } from '../support/peer.ts';
import { RecordedResponse } from '../support/recorded-response.ts';
import { type ConnectedClient, V1Hub, type V1HubOptions } from '../support/v1-hub.ts';

const get = { method: 'GET', target: '/', fields: [] };

interface Asked extends ConnectedClient {
  hub: V1Hub;
  visitor: RecordedResponse;
  id: unknown;
}

/** A registered client that has been sent one request. */
async function ask(options: V1HubOptions = {}, method = 'GET'): Promise<Asked> {
  const hub = new V1Hub(new FakeClock(), options);
  const client = await hub.connectRegistered();
  const visitor = new RecordedResponse();
  client.session.open({ ...get, method }, visitor).end();
  const { '@id': id } = await client.peer.document('http-request');
  return { ...client, hub, visitor, id };
}

/** Whether the session still carries a request. */
async function assertAlive({ session, peer }: ConnectedClient): Promise<void> {
  const visitor = new RecordedResponse();
  session.open(get, visitor).end();
  const { '@id': id } = await peer.document('http-request');
  peer.send('http-response', { '@id': id, status: 200, headers: {}, contentType: '', body: '' });
  await visitor.done;
  assert.equal(visitor.status, 200);
}

const right = { status: 200, headers: {}, contentType: 'text/plain', body: '' };
const wrongAnswers: Record<string, object> = {
  'status 99': { ...right, status: 99 },
  'status 100': { ...right, status: 100 },
  'status 101': { ...right, status: 101 },
  'status 199': { ...right, status: 199 },
  'status 600': { ...right, status: 600 },
  'status 1000': { ...right, status: 1_000 },
  'status "2e2"': { ...right, status: '2e2' },
  'status 200.5': { ...right, status: 200.5 },
  'no status': { ...right, status: undefined },
  'a header with CR LF': { ...right, headers: { 'X-A': '1\r\nSet-Cookie: a=1' } },
  'a header with LF': { ...right, headers: { 'X-A': '1\nb' } },
  'a header with NUL': { ...right, headers: { 'X-A': '1\0b' } },
  'a header name with a space': { ...right, headers: { 'X A': '1' } },
  'a header name with CR LF': { ...right, headers: { 'X-A: 1\r\nX-B': '1' } },
  'an empty header name': { ...right, headers: { '': '1' } },
  'a header that is a number': { ...right, headers: { 'X-A': 1 } },
  'a header that is a list': { ...right, headers: { 'X-A': ['1'] } },
  'headers as text': { ...right, headers: 'X-A: 1' },
  'a contentType with CR LF': { ...right, contentType: 'text/plain\r\nSet-Cookie: a=1' },
  'bad base64': { ...right, body: 'a' },
  'base64 with white space': { ...right, body: 'aGVs bG8=' },
  'base64 of the URL alphabet': { ...right, body: '_-8=' },
  'a body that is a number': { ...right, body: 5 },
};
for (const [what, members] of Object.entries(wrongAnswers)) {
  test(`an answer with ${what} fails that exchange with 502 and no other`, async () => {
    const asked = await ask();
    asked.peer.send('http-response', { '@id': asked.id, ...members });
    await asked.visitor.done;
    assert.equal(asked.visitor.error?.code, 'ADIT_AGENT_BAD_ANSWER');
    assert.equal(asked.visitor.final, undefined);
    await assertAlive(asked);
  });
}

test('an answer of exactly the limit passes, and one byte more is replaced at once', async () => {
  for (const [extra, code] of [
    [0, undefined],
    [1, 'ADIT_RESPONSE_TOO_LARGE'],
  ] as const) {
    const { peer, visitor, id } = await ask();
    const body = Buffer.alloc(limits.v1Body + extra, 'x').toString('base64');
    peer.send('http-response', { '@id': id, ...right, body });
    await visitor.done;
    assert.equal(visitor.error?.code, code);
    assert.equal(visitor.body.length, extra === 0 ? limits.v1Body : 0);
  }
});

test('a request body of exactly the limit passes, and one byte more never reaches the client', async () => {
  const client = await new V1Hub(new FakeClock()).connectRegistered();
  const full = new RecordedResponse();
  const stream = client.session.open({ ...get, method: 'POST' }, full);
  stream.write(Buffer.alloc(limits.v1Body));
  stream.end();
  const { body } = await client.peer.document('http-request');
  assert.equal(Buffer.from(String(body), 'base64').length, limits.v1Body);
  const over = new RecordedResponse();
  const second = client.session.open({ ...get, method: 'POST' }, over);
  second.write(Buffer.alloc(limits.v1Body));
  second.write(Buffer.alloc(1));
  await over.done;
  assert.equal(over.error?.code, 'ADIT_REQUEST_TOO_LARGE');
  await quietTurns();
  assert.equal(client.peer.unreadCount, 0);
});

for (const [what, target, bodyLength] of [
  ['requests with bodies', '/', limits.v1Body],
  ['long targets', `/${'x'.repeat(limits.requestTarget - 1)}`, 0],
] as const) {
  test(`a client that reads nothing is not sent ${what} of visitors who leave without end`, async () => {
    const { session, pair } = await new V1Hub(new FakeClock()).connectRegistered();
    pair.silence();
    let visitor = new RecordedResponse();
    for (let i = 0; i < 5_000 && !visitor.error; i += 1) {
      visitor = new RecordedResponse();
      const stream = session.open({ method: 'POST', target, fields: [] }, visitor);
      if (bodyLength > 0) stream.write(Buffer.alloc(bodyLength));
      stream.end();
      stream.reset(new AditError('ADIT_BAD_REQUEST', 'the visitor has left'));
    }
    assert.equal(visitor.error?.code, 'ADIT_TUNNEL_BUSY');
    const { queuedBytes } = session.link;
    assert.ok(queuedBytes <= limits.v1Collected + limits.v1Document, `${queuedBytes} bytes wait`);
  });
}

test('answers with an id that nobody waits for are dropped and counted', async () => {
  const { hub, peer, visitor, id, ...rest } = await ask();
  const stray = { ...right, '@id': '00000000-0000-4000-8000-000000000000' };
  peer.send('http-response', stray);
  peer.send('ws-response', { '@id': id, ok: true });
  peer.send('ws-message', { '@id': id, messageType: 1, body: 'x' });
  peer.send('http-response', { '@id': id, ...right, body: 'b2s=' });
  await visitor.done;
  peer.send('http-response', { '@id': id, ...right, body: 'YWdhaW4=' });
  peer.send('http-response', { ...stray, body: '!' });
  await assertAlive({ peer, ...rest });
  assert.equal(visitor.body.toString(), 'ok');
  assert.deepEqual(visitor.strays, []);
  assert.equal(hub.strayCount, 5);
});

test('the answer to a request whose visitor has left is dropped and counted', async () => {
  const hub = new V1Hub(new FakeClock());
  const client = await hub.connectRegistered();
  const visitor = new RecordedResponse();
  const stream = client.session.open(get, visitor);
  stream.end();
  const { '@id': id } = await client.peer.document('http-request');
  stream.stop();
  client.peer.send('http-response', { '@id': id, ...right });
  await assertAlive(client);
  assert.equal(visitor.final, undefined);
  assert.equal(hub.strayCount, 1);
});

test("a tenant's answer cannot reach a visitor of another websocket", async () => {
  const { hub, visitor, id, peer } = await ask();
  const thief = await hub.connectRegistered();
  thief.peer.send('http-response', { '@id': id, ...right, body: 'c3RvbGVu' });
  await assertAlive(thief);
  assert.equal(hub.strayCount, 1);
  peer.send('http-response', { '@id': id, ...right, body: 'b3du' });
  await visitor.done;
  assert.equal(visitor.body.toString(), 'own');
});

test('hop-by-hop fields of an answer are dropped, and its length is the true one', async () => {
  const { peer, visitor, id } = await ask();
  const headers = {
    Connection: 'X-Named, close',
    'X-Named': '1',
    'Transfer-Encoding': 'chunked',
    'Content-Length': '99',
  };
  peer.send('http-response', { '@id': id, ...right, headers, body: 'b2s=' });
  await visitor.done;
  assert.deepEqual(visitor.final?.fields, ['Content-Length', '2', 'Content-Type', 'text/plain']);
});

test('the answer to HEAD keeps the length that the client names', async () => {
  const { peer, visitor, id } = await ask({}, 'HEAD');
  peer.send('http-response', { '@id': id, ...right, headers: { 'Content-Length': '1234' } });
  await visitor.done;
  assert.equal(visitor.field('content-length'), '1234');
});

test("Adit-Error is believed of an Adit agent and is an origin's own of any other", async () => {
  const told = { ...right, status: 502, headers: { 'Adit-Error': 'ADIT_ORIGIN_UNREACHABLE' }, body: 'd2h5' };
  const own = await ask({ isAditAgent: true });
  own.peer.send('http-response', { '@id': own.id, ...told });
  await own.visitor.done;
  assert.equal(own.visitor.error?.code, 'ADIT_ORIGIN_UNREACHABLE');
  assert.equal(own.visitor.error?.message, 'why');
  const original = await ask({ isAditAgent: false });
  original.peer.send('http-response', { '@id': original.id, ...told });
  await original.visitor.done;
  assert.equal(original.visitor.error, undefined);
  assert.equal(original.visitor.status, 502);
});

test('a hub that ends lets a session go once it is answered, and serves it until then', async () => {
  const { hub, session, peer, visitor, id } = await ask();
  assert.equal(hub.leave({ isLast: false }), false);
  await assertAlive({ session, peer } as ConnectedClient);
  peer.send('http-response', { '@id': id, ...right });
  await visitor.done;
  assert.equal(hub.leave({ isLast: false }), true);
  const late = new RecordedResponse();
  session.open(get, late).end();
  assert.equal(late.error?.code, 'ADIT_LINK_LOST');
  assert.equal((await peer.closed).code, 1012);
});

test('a session on which it never ends gets nothing new in the end', async () => {
  const { hub, session, peer, visitor, id } = await ask();
  assert.equal(hub.leave({ isLast: true }), false);
  const late = new RecordedResponse();
  session.open(get, late).end();
  assert.equal(late.error?.code, 'ADIT_TUNNEL_RECONNECTING');
  peer.send('http-response', { '@id': id, ...right });
  await visitor.done;
  assert.equal(visitor.status, 200);
  assert.equal(hub.leave({ isLast: true }), true);
  assert.equal((await peer.closed).code, 1012);
});

test('a websocket is not waited for, and its session not closed before it', async () => {
  const hub = new V1Hub(new FakeClock());
  const { session, peer } = await hub.connectRegistered();
  session.open({ ...get, fields: ['Upgrade', 'websocket'] }, new RecordedResponse());
  await peer.document('ws-request');
  assert.equal(hub.leave({ isLast: false }), true);
  await assertAlive({ session, peer } as ConnectedClient);
});
