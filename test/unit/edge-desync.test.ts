import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestEdge } from '../support/edge.ts';

const handshake = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='];

test('what comes behind a CONNECT or a refused upgrade is never read as a request', async (t) => {
  const edge = await TestEdge.start(t);
  const smuggled = edge.head('GET /smuggled HTTP/1.1');
  const refused: [status: number, text: string][] = [
    [405, 'CONNECT a.test:1 HTTP/1.1\r\nHost: a.test:1\r\n\r\n'],
    [426, edge.head('GET / HTTP/1.1', ...handshake, 'Sec-WebSocket-Version: 12')],
    [400, edge.head('POST / HTTP/1.1', ...handshake, 'Sec-WebSocket-Version: 13')],
  ];
  for (const [expected, text] of refused) {
    const visitor = await edge.visit(t, text + smuggled);
    const { status, field } = await visitor.response();
    assert.deepEqual([status, field('connection')], [expected, 'close']);
    await visitor.closed;
    assert.equal(visitor.unread, '');
  }
});

test('an upgrade that the agent can not take is the last on its connection', async (t) => {
  const edge = await TestEdge.start(t);
  const text = edge.head('GET / HTTP/1.1', ...handshake, 'Sec-WebSocket-Version: 13');
  const visitor = await edge.visit(t, text + edge.head('GET /smuggled HTTP/1.1'));
  (await edge.stream()).answer(403, ['Content-Length', '0']);
  assert.equal((await visitor.response()).field('connection'), 'close');
  await visitor.closed;
  assert.equal(visitor.unread, '');
});

test('no length goes out where no body can follow, and the next response is intact', async (t) => {
  const edge = await TestEdge.start(t);
  for (const status of [204, 304]) {
    const visitor = await edge.visit(t, edge.head('GET / HTTP/1.1') + edge.head('GET /next HTTP/1.1'));
    const stream = await edge.stream();
    stream.handler.head({ status: 103, reason: '', fields: ['Link', '</a>', 'Content-Length', '7'] });
    stream.answer(status, ['Content-Length', '7'], 'dropped');
    const hints = await visitor.response();
    assert.deepEqual([hints.status, hints.field('link'), hints.field('content-length')], [103, '</a>', undefined]);
    const answer = await visitor.response();
    assert.deepEqual([answer.status, answer.field('content-length')], [status, status === 204 ? undefined : '7']);
    (await edge.stream()).answer(200, ['Content-Length', '4'], 'next');
    assert.equal((await visitor.response()).body, 'next');
  }
});
