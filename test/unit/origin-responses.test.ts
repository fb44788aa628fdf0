import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { RecordedResponse } from '../support/recorded-response.ts';
import { type OriginSocket, SocketOrigin } from '../support/socket-origin.ts';

interface Asked {
  service: SocketOrigin;
  connection: OriginSocket;
  response: RecordedResponse;
  statuses: number[];
}

/** A service that has been sent a GET. */
async function ask(t: TestContext, method = 'GET'): Promise<Asked> {
  const service = await SocketOrigin.start(t);
  const { response, statuses } = service.ask({ method });
  const connection = await service.accept();
  await connection.head();
  return { service, connection, response, statuses };
}

test('interim responses pass, then the final one', async (t) => {
  const { connection, response, statuses } = await ask(t);
  connection.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
  connection.answer('ok');
  await response.done;
  assert.deepEqual(statuses, [100, 103, 200]);
  assert.equal(response.body.toString(), 'ok');
  assert.deepEqual(response.strays, []);
});

test('32 interim responses pass, and one more is refused', async (t) => {
  for (const [count, code] of [
    [32, undefined],
    [33, 'ADIT_ORIGIN_FAILED'],
  ] as const) {
    const { connection, response, statuses } = await ask(t);
    connection.write('HTTP/1.1 102 Processing\r\n\r\n'.repeat(count));
    connection.answer('ok');
    await response.done;
    assert.deepEqual([statuses.length, response.error?.code], [code ? 32 : 33, code]);
  }
});

test('trailers are bounded', async (t) => {
  const { connection, response } = await ask(t);
  connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n');
  connection.write(`X-A: ${'a'.repeat(40_000)}`);
  await response.done;
  assert.equal(response.error?.code, 'ADIT_ORIGIN_FAILED');
  await connection.closed;
});

for (const [method, status] of [
  ['HEAD', '200 OK'],
  ['GET', '204 No Content'],
  ['GET', '304 Not Modified'],
] as const) {
  test(`a body behind ${method} and ${status} is dropped with its connection`, async (t) => {
    const { connection, response } = await ask(t, method);
    connection.write(`HTTP/1.1 ${status}\r\nContent-Length: 5\r\n\r\nhello`);
    await response.done;
    assert.deepEqual([response.error, response.body.length, response.strays], [undefined, 0, []]);
    await connection.closed;
  });
}

test('a body that ends with the connection is whole', async (t) => {
  const { connection, response } = await ask(t);
  connection.write('HTTP/1.1 200 OK\r\n\r\nall of it');
  connection.socket.end();
  await response.done;
  assert.deepEqual([response.error, response.body.toString()], [undefined, 'all of it']);
});

for (const [what, wire] of Object.entries({
  'a body of known length': 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf',
  'a chunked body': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n',
  'a head': 'HTTP/1.1 200 OK\r\nContent-',
  nothing: '',
})) {
  test(`a connection that ends within ${what} is a service that broke off`, async (t) => {
    const { connection, response } = await ask(t);
    connection.write(wire);
    connection.socket.end();
    await response.done;
    assert.equal(response.error?.code, 'ADIT_ORIGIN_FAILED');
    assert.equal(response.isEnded, false);
  });
}

for (const [what, wire] of Object.entries({
  'a length and chunks': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!',
  'another protocol': 'SSH-2.0-server\r\n\r\n',
  'lines without CR': 'HTTP/1.1 200 OK\nContent-Length: 0\n\n',
  'a folded line': 'HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\n\r\n',
  'too long a head': `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(40_000)}`,
})) {
  test(`a response with ${what} is refused, and its connection closed`, async (t) => {
    const { connection, response } = await ask(t);
    connection.write(wire);
    await response.done;
    assert.equal(response.error?.code, 'ADIT_ORIGIN_FAILED');
    assert.equal(response.final, undefined);
    await connection.closed;
  });
}

test('a response to HEAD has a length and no body', async (t) => {
  const { connection, response } = await ask(t, 'HEAD');
  connection.write('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n');
  await response.done;
  assert.deepEqual([response.field('content-length'), response.body.length], ['99', 0]);
});

test('a body without a length goes in chunks', async (t) => {
  const service = await SocketOrigin.start(t);
  const { request, response } = service.forward({ method: 'POST', fields: ['Transfer-Encoding', 'chunked'] });
  request.data(Buffer.from('hello'));
  request.data(Buffer.alloc(20_000, 'x'));
  request.ended([]);
  const connection = await service.accept();
  assert.match(await connection.head(), /\r\nTransfer-Encoding: chunked\r\n/);
  assert.equal(await connection.until('\r\n0\r\n\r\n'), `5\r\nhello\r\n4e20\r\n${'x'.repeat(20_000)}\r\n0\r\n\r\n`);
  connection.answer('ok');
  await response.done;
  assert.equal(response.body.toString(), 'ok');
});

test('a body with a length goes as it is', async (t) => {
  const service = await SocketOrigin.start(t);
  const { request } = service.forward({ method: 'POST', fields: ['Content-Length', '5'] });
  request.data(Buffer.from('he'));
  request.data(Buffer.from('llo'));
  request.ended([]);
  const connection = await service.accept();
  assert.doesNotMatch(await connection.head(), /chunked/i);
  assert.equal(await connection.until('llo'), 'hello');
});

test('a service that answers before it has the whole request is believed, and the connection ends', async (t) => {
  const service = await SocketOrigin.start(t);
  const { request, response } = service.forward({ method: 'POST', fields: ['Content-Length', '1000000'] });
  request.data(Buffer.from('the beginning'));
  const connection = await service.accept();
  await connection.until('the beginning');
  connection.write('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!');
  await response.done;
  assert.deepEqual([response.status, response.body.toString(), response.error], [413, 'no!', undefined]);
  await connection.closed;
  request.data(Buffer.from('more'));
  request.ended([]);
  assert.deepEqual(response.strays, []);
});

test('a visitor that leaves ends the connection', async (t) => {
  const service = await SocketOrigin.start(t);
  const { request, response } = service.forward();
  request.ended([]);
  const connection = await service.accept();
  await connection.head();
  request.stopped();
  await connection.closed;
  assert.equal(response.error?.code, 'ADIT_VISITOR_GONE');
});
