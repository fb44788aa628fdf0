import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { type OriginSocket, SocketOrigin } from '../support/socket-origin.ts';

const chunked = ['Transfer-Encoding', 'chunked'];

for (const [what, fields, body] of [
  ['a body of known length', ['Content-Length', '5'], 'hello'],
  ['a body in chunks', chunked, '5\r\nhello\r\n0\r\n\r\n'],
] as const) {
  test(`a head and ${what} that come in one turn leave in one write`, async (t) => {
    const service = await SocketOrigin.start(t);
    const { request, told } = service.forward({ method: 'POST', fields });
    request.data(Buffer.from('hello'));
    request.ended([]);
    const { socket } = await service.accept();
    const [bytes] = (await once(socket, 'data')) as [string];
    assert.ok(bytes.startsWith('POST / HTTP/1.1\r\nHost: ') && bytes.endsWith(`\r\n\r\n${body}`), bytes);
    assert.equal(told.consumedBytes, 5);
  });
}

test('a head whose body has yet to come is sent at once, and so is what expects an answer', async (t) => {
  const service = await SocketOrigin.start(t);
  const fields = ['Expect', '100-continue', 'Content-Length', '5'];
  const { request, response, statuses } = service.forward({ method: 'POST', fields });
  const connection = await service.accept();
  assert.match(await connection.head(), /\r\nExpect: 100-continue\r\n/);
  connection.write('HTTP/1.1 100 Continue\r\n\r\n');
  await response.answered;
  request.data(Buffer.from('hello'));
  assert.equal(await connection.until('hello'), 'hello');
  connection.answer('ok');
  await response.done;
  assert.deepEqual([statuses, response.body.toString()], [[100, 200], 'ok']);
});

for (const [what, length, sent, ends] of [
  ['longer', '5', 'hello!', false],
  ['shorter', '5', 'hell', true],
  ['present where none was announced', '0', 'x', false],
] as const) {
  test(`a request body that is ${what} is given up, with its connection`, async (t) => {
    const service = await SocketOrigin.start(t);
    const { request, response } = service.forward({ method: 'POST', fields: ['Content-Length', length] });
    const connection = await service.accept();
    await connection.head();
    request.data(Buffer.from(sent));
    if (ends) request.ended([]);
    await response.done;
    assert.equal(response.error?.code, 'ADIT_BAD_REQUEST');
    await connection.closed;
  });
}

for (const length of ['abc', '-1', '0x5', '5, 5', '9'.repeat(20)]) {
  test(`a request with the Content-Length ${length} reaches no service`, async (t) => {
    const service = await SocketOrigin.start(t);
    const { response } = service.forward({ method: 'POST', fields: ['Content-Length', length] });
    await response.done;
    assert.equal(response.error?.code, 'ADIT_BAD_REQUEST');
    assert.equal(service.connectionCount, 0);
  });
}

test('of a length and a coding the coding counts, and the length stays behind', async (t) => {
  const service = await SocketOrigin.start(t);
  const { request } = service.forward({ method: 'POST', fields: ['Content-Length', '3', ...chunked] });
  request.data(Buffer.from('hello'));
  request.ended([]);
  const connection = await service.accept();
  const head = await connection.head();
  assert.match(head, /\r\nTransfer-Encoding: chunked\r\n/);
  assert.doesNotMatch(head, /Content-Length/);
  assert.equal(await connection.until('0\r\n\r\n'), '5\r\nhello\r\n0\r\n\r\n');
});

test('trailers pass both ways, without those that would frame or route', async (t) => {
  const service = await SocketOrigin.start(t);
  const { request, response } = service.forward({ method: 'POST', fields: chunked });
  request.data(Buffer.from('hello'));
  request.ended([
    'X-Sum',
    '1',
    'Content-Length',
    '9',
    'host',
    'evil.test',
    'Trailer',
    'x',
    'X-Forwarded-For',
    '6.6.6.6',
  ]);
  const connection = await service.accept();
  await connection.head();
  assert.equal(await connection.until('\r\n\r\n'), '5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n');
  connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n');
  connection.write(
    'Grpc-Status: 0\r\nTransfer-Encoding: chunked\r\nConnection: X-Gone\r\nX-Gone: 1\r\nAdit-Error: x\r\n\r\n',
  );
  await response.done;
  assert.deepEqual(response.trailers, ['Grpc-Status', '0']);
});

test('bytes count as passed on only once the connection has taken them', async (t) => {
  const service = await SocketOrigin.start(t);
  const size = 16 * 1_048_576;
  const { request, told } = service.forward({ method: 'POST', fields: ['Content-Length', String(size)] });
  const { socket } = await service.accept();
  socket.pause();
  let sentBytes = 0;
  // A hub stops when 1 MiB is on its way; so does this.
  while (sentBytes < size && sentBytes - told.consumedBytes < 1_048_576) {
    request.data(Buffer.alloc(65_536));
    sentBytes += 65_536;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(sentBytes < size, 'a service that reads nothing was sent everything');
  socket.resume();
  while (told.consumedBytes < sentBytes) await once(socket, 'data');
  assert.equal(told.consumedBytes, sentBytes);
});

test('an answer that is complete before its request stops the request', async (t) => {
  const service = await SocketOrigin.start(t);
  const { request, response, told } = service.forward({ method: 'POST', fields: ['Content-Length', '1000000'] });
  request.data(Buffer.from('the beginning'));
  const connection = await service.accept();
  await connection.until('the beginning');
  connection.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n');
  await response.answered;
  assert.deepEqual([response.status, told.stopCount], [200, 0]);
  request.data(Buffer.from(', and more of it'));
  await connection.until('more of it');
  connection.write('done');
  await response.done;
  assert.deepEqual([response.body.toString(), told.stopCount, response.error], ['done', 1, undefined]);
  await connection.closed;
});

test('a service that refuses a large upload and closes has its whole answer delivered', async (t) => {
  const service = await SocketOrigin.start(t);
  const { request, response, told } = service.forward({ method: 'POST', fields: ['Content-Length', '100000000'] });
  const { socket } = await service.accept();
  await once(socket, 'data');
  told.takesMore = false; // The hub holds the answer back, so that writing fails before all of it has been read.
  socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 40000\r\n\r\nfirst');
  while (response.body.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => socket.write('x'.repeat(39_995), resolve));
  // Unread bytes make it a reset.
  socket.resetAndDestroy();
  await once(socket, 'close');
  while (told.stopCount === 0) {
    request.data(Buffer.alloc(65_536));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual([response.error, response.body.length], [undefined, 5]);
  told.takesMore = true;
  request.drained();
  await response.done;
  assert.deepEqual([response.status, told.stopCount, response.strays], [413, 1, []]);
  // Other systems throw away with a reset what they had received before it.
  if (process.platform === 'linux') assert.deepEqual([response.error, response.body.length], [undefined, 40_000]);
});

test('a large piece that would keep a much larger buffer alive is sent all the same', async (t) => {
  const service = await SocketOrigin.start(t);
  const { request } = service.forward({ method: 'POST', fields: chunked });
  const parent = Buffer.alloc(1_048_576, 'x');
  request.data(parent.subarray(0, 20_000));
  request.ended([]);
  const connection: OriginSocket = await service.accept();
  await connection.head();
  assert.equal(await connection.until('0\r\n\r\n'), `4e20\r\n${'x'.repeat(20_000)}\r\n0\r\n\r\n`);
});
