import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { AditError } from '#internal/core/errors';
import { fieldValue } from '#internal/http1/fields';
import { TestEdge } from '../support/edge.ts';

test('a body of unknown length, its trailers and those of the response pass', async (t) => {
  const edge = await TestEdge.start(t);
  const visitor = await edge.visit(
    t,
    `${edge.head('POST / HTTP/1.1', 'Transfer-Encoding: chunked')}3\r\nabc\r\n0\r\nX-Sum: 1\r\nAuthorization: x\r\n\r\n`,
  );
  const stream = await edge.stream();
  assert.deepEqual(stream.head.fields.slice(-2), ['Transfer-Encoding', 'chunked']);
  await stream.until('end X-Sum 1');
  assert.deepEqual(stream.calls, ['data abc', 'end X-Sum 1']);
  stream.handler.head({ status: 200, reason: '', fields: [] });
  stream.handler.data(Buffer.from('answer'));
  stream.handler.ended(['X-Sum', '2', 'Adit-Error', 'x']);
  const { head } = await visitor.response();
  assert.match(head, /\r\nTransfer-Encoding: chunked\r\n/);
});

test('an origin hears of a visitor that takes trailers, with each of its requests', async (t) => {
  const edge = await TestEdge.start(t);
  const asking = ['Connection: TE', 'TE: gzip, Trailers'];
  const visitor = await edge.visit(t, '');
  for (const target of ['/a', '/b']) {
    visitor.send(edge.head(`GET ${target} HTTP/1.1`, ...asking));
    const stream = await edge.stream();
    assert.deepEqual(stream.head.fields.slice(-4), ['Connection', 'TE', 'TE', 'trailers']);
    stream.answer(204, []);
    await visitor.response();
  }
  for (const request of [edge.head('GET / HTTP/1.0', ...asking), edge.head('GET / HTTP/1.1', 'TE: gzip')]) {
    await edge.visit(t, request);
    assert.equal(fieldValue((await edge.stream()).head.fields, 'te'), undefined);
  }
});

test('trailers reach the wire, and whatever was written in one turn leaves at once', async (t) => {
  const edge = await TestEdge.start(t);
  const visitor = await edge.visit(t, edge.head('GET / HTTP/1.1'));
  const stream = await edge.stream();
  const arrived = once(visitor.socket, 'data');
  stream.handler.head({ status: 200, reason: '', fields: ['Date', 'D'] });
  stream.handler.data(Buffer.from('answer'));
  stream.handler.ended(['X-Sum', '2', 'Adit-Error', 'x', 'Location', '/x']);
  assert.deepEqual(await arrived, [
    'HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nanswer\r\n0\r\nX-Sum: 2\r\n\r\n',
  ]);
  assert.equal(stream.consumedBytes, 0);
});

test('what an origin sends bit by bit is passed on bit by bit, and told as consumed', async (t) => {
  const edge = await TestEdge.start(t);
  const visitor = await edge.visit(t, edge.head('GET /events HTTP/1.1'));
  const stream = await edge.stream();
  stream.handler.head({ status: 200, reason: '', fields: ['Content-Type', 'text/event-stream'] });
  await once(visitor.socket, 'data');
  for (const [i, text] of ['one', 'two'].entries()) {
    const arrived = once(visitor.socket, 'data');
    stream.handler.data(Buffer.from(text));
    assert.deepEqual(await arrived, [`3\r\n${text}\r\n`]);
    assert.equal(stream.consumedBytes, 3 * (i + 1));
  }
});

test('HTTP/1.0 gets a body of unknown length until the connection ends, and no interim answers', async (t) => {
  const edge = await TestEdge.start(t);
  const visitor = await edge.visit(t, edge.head('GET / HTTP/1.0', 'Connection: keep-alive'));
  const stream = await edge.stream();
  stream.handler.head({ status: 103, reason: '', fields: ['Link', '</a>'] });
  stream.answer(200, [], 'answer');
  const { status, body, field } = await visitor.response();
  assert.deepEqual([status, body, field('connection'), field('link')], [200, 'answer', 'close', undefined]);
});

test('interim answers pass, and 100 only when it is waited for', async (t) => {
  const edge = await TestEdge.start(t);
  const visitor = await edge.visit(t, edge.head('GET / HTTP/1.1'));
  const stream = await edge.stream();
  stream.handler.head({ status: 100, reason: '', fields: [] });
  stream.handler.head({ status: 103, reason: '', fields: ['Link', '</a>', 'Adit-Error', 'x'] });
  stream.answer(204, []);
  const hints = await visitor.response();
  assert.deepEqual([hints.status, hints.field('link'), hints.field('adit-error')], [103, '</a>', undefined]);
  assert.equal((await visitor.response()).status, 204);
});

const posted = ['Expect: 100-continue', 'Content-Length: 4'];

test('the origin asks for the body itself when the wire lets it', async (t) => {
  const edge = await TestEdge.start(t);
  const visitor = await edge.visit(t, edge.head('POST / HTTP/1.1', ...posted));
  const stream = await edge.stream();
  assert.equal(fieldValue(stream.head.fields, 'expect'), '100-continue');
  stream.handler.head({ status: 100, reason: '', fields: [] });
  assert.equal((await visitor.response()).status, 100);
  edge.clock.advance(1_000);
  stream.handler.head({ status: 100, reason: '', fields: [] });
  visitor.send('four');
  await stream.until('end');
  stream.answer(200, ['Content-Length', '0']);
  assert.equal((await visitor.response()).status, 200);
});

test('an origin that says nothing for half a second is not waited for, and its later 100 is dropped', async (t) => {
  const edge = await TestEdge.start(t);
  const visitor = await edge.visit(t, edge.head('POST / HTTP/1.1', ...posted));
  const stream = await edge.stream();
  edge.clock.advance(499);
  assert.equal(visitor.unread, '');
  edge.clock.advance(1);
  assert.equal((await visitor.response()).status, 100);
  stream.handler.head({ status: 100, reason: '', fields: [] });
  visitor.send('four');
  await stream.until('end');
  stream.answer(200, ['Content-Length', '0']);
  assert.equal((await visitor.response()).status, 200);
});

test('an answer that comes before the 100 leaves none to send', async (t) => {
  const edge = await TestEdge.start(t);
  const visitor = await edge.visit(t, edge.head('POST / HTTP/1.1', ...posted));
  const stream = await edge.stream();
  stream.answer(403, ['Content-Length', '0']);
  edge.clock.advance(1_000);
  const { status, field } = await visitor.response();
  assert.deepEqual([status, field('connection')], [403, 'close']);
  assert.deepEqual(stream.calls, ['reset ADIT_VISITOR_GONE']);
  await visitor.closed;
});

test('a wire that can not tell leaves the 100 to the edge', async (t) => {
  const edge = await TestEdge.start(t, { isTransparent: false });
  const visitor = await edge.visit(t, edge.head('POST / HTTP/1.1', ...posted));
  const stream = await edge.stream();
  assert.equal(fieldValue(stream.head.fields, 'expect'), undefined);
  assert.equal((await visitor.response()).status, 100);
});

const invalid: [what: string, status: number, fields: string[]][] = [
  ['a status of 99', 99, []],
  ['a status of 1000', 1000, []],
  ['an unasked 101', 101, []],
  ['two lengths', 200, ['Content-Length', '1', 'Content-Length', '1']],
];
for (const [what, status, fields] of invalid) {
  test(`an answer with ${what} is a 502`, async (t) => {
    const edge = await TestEdge.start(t);
    const visitor = await edge.visit(t, edge.head('GET / HTTP/1.1'));
    const stream = await edge.stream();
    stream.handler.head({ status, reason: '', fields });
    const answer = await visitor.response();
    assert.deepEqual([answer.status, answer.field('adit-error')], [502, 'ADIT_AGENT_BAD_ANSWER']);
    await stream.until('reset ADIT_AGENT_BAD_ANSWER');
  });
}

for (const [what, body] of Object.entries({ longer: '123456789', shorter: '123' })) {
  test(`a body that is ${what} than it says is cut`, async (t) => {
    const edge = await TestEdge.start(t);
    const visitor = await edge.visit(t, edge.head('GET / HTTP/1.1'));
    const stream = await edge.stream();
    stream.answer(200, ['Content-Length', '5'], body);
    await assert.rejects(visitor.response());
  });
}

test('a response that is broken off never looks whole', async (t) => {
  const edge = await TestEdge.start(t);
  for (const version of ['1.0', '1.1']) {
    const visitor = await edge.visit(t, edge.head(`GET / HTTP/${version}`));
    let error: NodeJS.ErrnoException | undefined;
    visitor.socket.once('error', (thrown) => {
      error = thrown;
    });
    const closed = new Promise<void>((resolve) => visitor.socket.once('close', () => resolve()));
    const stream = await edge.stream();
    stream.handler.head({ status: 200, reason: '', fields: [] });
    stream.handler.data(Buffer.from('part'));
    await once(visitor.socket, 'data');
    stream.handler.reset(new AditError('ADIT_LINK_LOST', 'lost'));
    await closed;
    // Without a length or chunks nothing but a reset shows it.
    if (version === '1.0') assert.equal(error?.code, 'ECONNRESET');
    assert.doesNotMatch(visitor.unread, /\r\n0\r\n\r\n$/);
  }
});

test('--max-body cuts a response of unknown length, but no stream of events', async (t) => {
  const edge = await TestEdge.start(t, { maxBodyBytes: 5 });
  const events = await edge.visit(t, edge.head('GET / HTTP/1.1'));
  const endless = await edge.stream();
  endless.answer(200, ['Content-Type', 'text/event-stream'], '123456789');
  assert.equal((await events.response()).body, '123456789');
  const visitor = await edge.visit(t, edge.head('GET / HTTP/1.1'));
  const stream = await edge.stream();
  stream.answer(200, [], '123456789');
  await assert.rejects(visitor.response());
  await stream.until('reset ADIT_RESPONSE_TOO_LARGE');
});

test('any protocol passes behind an upgrade, in both directions, until both ends have ended', async (t) => {
  const edge = await TestEdge.start(t);
  const visitor = await edge.visit(t, `${edge.head('GET / HTTP/1.1', 'Connection: upgrade', 'Upgrade: echo')}early`);
  const stream = await edge.stream();
  assert.deepEqual(stream.head.fields.slice(-4), ['Connection', 'Upgrade', 'Upgrade', 'echo']);
  stream.handler.head({ status: 101, reason: '', fields: ['Connection', 'Upgrade', 'Upgrade', 'echo'] });
  await stream.until('data early');
  stream.handler.data(Buffer.from('bytes'));
  assert.equal((await visitor.response()).field('upgrade'), 'echo');
  assert.equal(String(await visitor.bytes(5)), 'bytes');
  visitor.socket.end();
  await stream.until('end');
  stream.handler.data(Buffer.from('more'));
  stream.handler.ended([]);
  assert.equal(String(await visitor.bytes(4)), 'more');
  await visitor.closed;
});

test('a refused upgrade is answered, and what came behind it is not read as a request', async (t) => {
  const edge = await TestEdge.start(t);
  const asked = edge.head('GET / HTTP/1.1', 'Connection: upgrade', 'Upgrade: echo');
  const visitor = await edge.visit(t, asked + edge.head('GET /smuggled HTTP/1.1'));
  const stream = await edge.stream();
  stream.answer(400, ['Content-Length', '2'], 'no');
  const { status, body, field } = await visitor.response();
  assert.deepEqual([status, body, field('connection')], [400, 'no', 'close']);
  await visitor.closed;
});

test('a body waits while the stream asks to, and goes on', async (t) => {
  const edge = await TestEdge.start(t);
  const { visitor, stream } = await edge.visitHeldBack(t, 6);
  visitor.send('def');
  stream.isHolding = false;
  stream.handler.drained();
  await stream.until('data def');
  await stream.until('end');
});

test('a visitor that leaves while it is held back is seen to leave', async (t) => {
  const edge = await TestEdge.start(t);
  const { visitor, stream } = await edge.visitHeldBack(t, 9);
  visitor.socket.end('def');
  const gone = stream.until('reset ADIT_VISITOR_GONE');
  const looking = setInterval(() => edge.clock.advance(1_000), 5);
  t.after(() => clearInterval(looking));
  await gone;
  assert.deepEqual(stream.calls, ['data abc', 'reset ADIT_VISITOR_GONE']);
});

test('an agent that wants no more of a body still answers', async (t) => {
  const edge = await TestEdge.start(t);
  const visitor = await edge.visit(t, `${edge.head('POST / HTTP/1.1', 'Content-Length: 6')}abc`);
  const stream = await edge.stream();
  await stream.until('data abc');
  stream.handler.stopped();
  visitor.send('def');
  stream.answer(200, ['Content-Length', '2'], 'ok');
  assert.equal((await visitor.response()).body, 'ok');
  assert.deepEqual(stream.calls, ['data abc', 'end']);
});

test('behind a trusted proxy a visitor has so many requests under way, and is told when to come again', async (t) => {
  const edge = await TestEdge.start(t, { trustedProxies: 'loopback', maxConnectionsPerIp: 1 });
  const ask = async (address: string) =>
    await edge.visit(t, edge.head('GET / HTTP/1.1', `X-Forwarded-For: ${address}`));
  const first = await ask('203.0.113.9');
  const stream = await edge.stream();
  const { status, field } = await (await ask('203.0.113.9')).response();
  assert.deepEqual([status, field('adit-error'), field('retry-after')], [429, 'ADIT_RATE_LIMITED', '1']);
  await ask('203.0.113.10');
  await edge.stream();
  stream.answer(200, ['Content-Length', '0']);
  await first.response();
  await ask('203.0.113.9');
  await edge.stream();
});
