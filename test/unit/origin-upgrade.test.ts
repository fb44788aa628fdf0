import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { StreamHandler } from '#internal/link/stream';
import type { RecordedResponse } from '../support/recorded-response.ts';
import { type OriginSocket, SocketOrigin, type Told } from '../support/socket-origin.ts';

interface Upgraded {
  connection: OriginSocket;
  response: RecordedResponse;
  request: StreamHandler;
  told: Told;
}

const fields = ['Connection', 'Upgrade', 'Upgrade', 'anything/7'];
const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: anything/7\r\n\r\n';

/** A service that has agreed to another protocol, and has sent `early` in the same write. */
async function upgrade(t: TestContext, early = ''): Promise<Upgraded> {
  const server = createServer({ noDelay: true, allowHalfOpen: true });
  const service = await SocketOrigin.start(t, { server });
  const { response, request, told } = service.forward({ fields });
  const connection = await service.accept();
  assert.match(await connection.head(), /\r\nUpgrade: anything\/7\r\n/);
  connection.write(`${switching}${early}`);
  await response.answered;
  assert.equal(response.status, 101);
  return { connection, response, request, told };
}

test('after a 101 of any protocol the bytes are raw both ways, those behind the head among them', async (t) => {
  const { connection, response, request, told } = await upgrade(t, 'early');
  request.data(Buffer.from([0, 255, 13, 10]));
  assert.equal(await connection.until('\r\n'), '\x00\xff\r\n');
  assert.equal(told.consumedBytes, 4);
  const more = new Promise<void>((resolve) => {
    response.onData = () => resolve();
  });
  connection.write('\r\n\x00');
  await more;
  assert.equal(response.body.toString('latin1'), 'early\r\n\x00');
});

test('when the service ends its side, the visitor may go on, and the other way round', async (t) => {
  const { connection, response, request } = await upgrade(t);
  connection.socket.end();
  await response.done;
  assert.equal(response.isEnded, true);
  request.data(Buffer.from('still here'));
  await connection.until('still here');
  request.ended([]);
  await connection.ended;
  await connection.closed;
  assert.deepEqual([response.error, response.strays], [undefined, []]);
});

test('when the visitor ends its side, the service may go on', async (t) => {
  const { connection, response, request } = await upgrade(t);
  request.ended([]);
  await connection.ended;
  connection.write('last words');
  connection.socket.end();
  await response.done;
  assert.deepEqual([response.body.toString(), response.error], ['last words', undefined]);
  await connection.closed;
});

test('a reset of either side ends both', async (t) => {
  const one = await upgrade(t);
  one.connection.socket.resetAndDestroy();
  await one.response.done;
  assert.equal(one.response.error?.code, 'ADIT_ORIGIN_FAILED');
  const other = await upgrade(t);
  other.request.stopped();
  await other.connection.ended;
});

test('a hub that takes no more holds an upgraded service back', async (t) => {
  const { connection, response, request, told } = await upgrade(t);
  told.takesMore = false;
  // More than the sockets between hold: the service is only rid of it when the hub goes on.
  const drained = once(connection.socket, 'drain');
  connection.socket.write(Buffer.alloc(16 * 1_048_576));
  await new Promise<void>((resolve) => {
    response.onData = () => resolve();
  });
  response.onData = () => assert.fail('bytes came through a stream that is full');
  for (let i = 0; i < 50; i += 1) await new Promise((resolve) => setImmediate(resolve));
  response.onData = () => undefined;
  told.takesMore = true;
  request.drained();
  await drained;
});

for (const [what, head, body] of [
  ['nobody asked for', [], ''],
  ['comes before the whole request', [...fields, 'Content-Length', '9'], 'begun'],
] as const) {
  test(`a 101 that ${what} is no answer`, async (t) => {
    const service = await SocketOrigin.start(t);
    const { request, response } = service.forward({ method: 'POST', fields: head });
    if (body !== '') request.data(Buffer.from(body));
    const connection = await service.accept();
    await connection.head();
    connection.write(switching);
    await response.done;
    assert.deepEqual([response.error?.code, response.final], ['ADIT_ORIGIN_FAILED', undefined]);
    await connection.closed;
  });
}

test('an upgrade that is refused leaves the connection for the next request', async (t) => {
  const service = await SocketOrigin.start(t);
  const { response, told } = service.forward({ fields });
  const connection = await service.accept();
  await connection.head();
  connection.answer('no');
  await response.done;
  assert.deepEqual([response.status, told.stopCount], [200, 0]);
  service.ask({ target: '/two' });
  assert.match(await connection.head(), /^GET \/two /);
});
