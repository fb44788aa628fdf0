import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldValue } from '#internal/http1/fields';
import { TestEdge } from '../support/edge.ts';

test('requests with the same fields differ in method and target, and in nothing else', async (t) => {
  const edge = await TestEdge.start(t);
  const visitor = await edge.visit(t, '');
  const seen: unknown[] = [];
  for (const line of ['GET /a HTTP/1.1', 'DELETE /b?c HTTP/1.1', 'GET /a HTTP/1.1']) {
    visitor.send(edge.head(line, 'Cookie: a'));
    const stream = await edge.stream();
    const { method, target, fields, lines } = stream.head;
    seen.push([method, target]);
    assert.equal(fieldValue(fields, 'cookie'), 'a');
    assert.equal(fieldValue(fields, 'x-forwarded-for'), '127.0.0.1');
    assert.match(lines ?? '', /^Host: .*\r\nCookie: a\r\nX-Forwarded-For: 127\.0\.0\.1\r\n/);
    stream.answer(200, ['Date', 'D', 'Content-Length', '1'], 'x');
    assert.match((await visitor.response()).head, /^HTTP\/1\.1 200 OK\r\nDate: D\r\nContent-Length: 1\r\n/);
  }
  assert.deepEqual(seen, [
    ['GET', '/a'],
    ['DELETE', '/b?c'],
    ['GET', '/a'],
  ]);
});

test('a head with the same fields is refused for what its first line says', async (t) => {
  const edge = await TestEdge.start(t);
  for (const [line, status] of [
    ['TRACE / HTTP/1.1', 405],
    ['GET /a"{ HTTP/1.1', 200],
    ['GET /a|ü HTTP/1.1', 400],
    ['GET example HTTP/1.1', 400],
    ['OPTIONS * HTTP/1.1', 204],
  ] as const) {
    const visitor = await edge.visit(t, edge.head('GET / HTTP/1.1'));
    (await edge.stream()).answer(200, ['Content-Length', '0']);
    await visitor.response();
    visitor.send(edge.head(line));
    if (status === 200) (await edge.stream()).answer(200, ['Content-Length', '0']);
    assert.match((await visitor.response()).head, new RegExp(`^HTTP/1\\.1 ${status} `), line);
  }
});

test('an absolute target leads where it says, whatever the same fields led to before', async (t) => {
  const edge = await TestEdge.start(t);
  const visitor = await edge.visit(t, edge.head('GET / HTTP/1.1'));
  (await edge.stream()).answer(200, ['Content-Length', '0']);
  await visitor.response();
  visitor.send(edge.head('GET http://nobody.invalid/ HTTP/1.1'));
  assert.match((await visitor.response()).head, /^HTTP\/1\.1 404 /);
  visitor.send(edge.head('GET / HTTP/1.1'));
  const stream = await edge.stream();
  assert.equal(stream.head.target, '/');
});

test('what an absolute target led to says nothing of the Host field beside it', async (t) => {
  const edge = await TestEdge.start(t);
  const visitor = await edge.visit(t, `GET http://${edge.host}/ HTTP/1.1\r\nHost: nobody.invalid\r\n\r\n`);
  (await edge.stream()).answer(200, ['Content-Length', '0']);
  await visitor.response();
  visitor.send('GET / HTTP/1.1\r\nHost: nobody.invalid\r\n\r\n');
  assert.equal((await visitor.response()).status, 404);
});

test('a response without a date gets the present one, each time', async (t) => {
  const edge = await TestEdge.start(t);
  const visitor = await edge.visit(t, '');
  const head = { status: 200, reason: '', fields: ['Content-Length', '0'] };
  t.mock.timers.enable({ apis: ['Date'] });
  for (const second of [1_000, 2_000]) {
    t.mock.timers.setTime(second * 1_000);
    visitor.send(edge.head('GET / HTTP/1.1'));
    const { handler } = await edge.stream();
    handler.head(head);
    handler.ended([]);
    assert.equal((await visitor.response()).field('date'), new Date(second * 1_000).toUTCString());
  }
});

test('the same head is framed anew where the asked version, method or end of the connection differs', async (t) => {
  const edge = await TestEdge.start(t);
  const head = { status: 200, reason: '', fields: ['Date', 'D', 'Set-Cookie', 'a=b; Domain=example.com'] };
  const heads: string[] = [];
  const visitor = await edge.visit(t, '');
  for (const line of ['GET / HTTP/1.1', 'HEAD / HTTP/1.1', 'GET / HTTP/1.1', 'GET / HTTP/1.0']) {
    visitor.send(edge.head(line));
    const { handler } = await edge.stream();
    handler.head(head);
    handler.ended([]);
    heads.push((await visitor.response({ isHead: line.startsWith('HEAD') })).head);
  }
  assert.equal(heads[0], heads[2]);
  assert.match(heads[0] as string, /\r\nTransfer-Encoding: chunked\r\n/);
  assert.doesNotMatch(heads[1] as string, /Transfer-Encoding/);
  assert.match(heads[3] as string, /\r\nConnection: close\r\n/);
});

test('a request that comes again, byte for byte, is asked of the agent by the very same head', async (t) => {
  const edge = await TestEdge.start(t);
  const visitor = await edge.visit(t, '');
  const heads: unknown[] = [];
  for (const line of ['GET /a HTTP/1.1', 'GET /a HTTP/1.1', 'GET /b HTTP/1.1', 'GET /b HTTP/1.1']) {
    visitor.send(edge.head(line));
    const stream = await edge.stream();
    heads.push(stream.head);
    stream.answer(200, ['Content-Length', '0']);
    await visitor.response();
  }
  assert.equal(heads[0], heads[1]);
  assert.deepEqual(heads[2], { ...(heads[0] as object), target: '/b' });
});
