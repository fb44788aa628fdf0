import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { type OriginSocket, SocketOrigin } from '../support/socket-origin.ts';

/** A service with one connection on which a GET has been answered. */
async function served(t: TestContext, fields = ''): Promise<{ service: SocketOrigin; connection: OriginSocket }> {
  const service = await SocketOrigin.start(t);
  const { response } = service.ask();
  const connection = await service.accept();
  await connection.head();
  connection.answer('one', fields);
  await response.done;
  assert.equal(response.body.toString(), 'one');
  return { service, connection };
}

test('a connection is used again for the next request', async (t) => {
  const { service, connection } = await served(t);
  const { response } = service.ask({ target: '/two' });
  assert.match(await connection.head(), /^GET \/two /);
  connection.answer('two');
  await response.done;
  assert.equal(response.body.toString(), 'two');
  assert.equal(service.connectionCount, 1);
});

test('requests at the same time have a connection each', async (t) => {
  const { service, connection } = await served(t);
  service.ask({ target: '/a' });
  service.ask({ target: '/b' });
  assert.match(await connection.head(), /^GET \/a /);
  assert.match(await (await service.accept()).head(), /^GET \/b /);
});

for (const fields of ['Connection: close\r\n', 'connection: x, Close\r\n']) {
  test(`after ${JSON.stringify(fields)} the connection is closed`, async (t) => {
    const { service, connection } = await served(t, fields);
    await connection.closed;
    service.ask();
    await (await service.accept()).head();
  });
}

test('a connection that has been idle for 4 s is closed', async (t) => {
  const { service, connection } = await served(t);
  service.clock.advance(5_000);
  await connection.closed;
  assert.equal(service.clock.pendingCount, 0);
});

test('an origin that says how long it keeps a connection is left a second before', async (t) => {
  const { service, connection } = await served(t, 'Keep-Alive: timeout=10\r\n');
  service.clock.advance(8_900);
  service.ask({ target: '/two' });
  assert.match(await connection.head(), /^GET \/two /);
  const other = await served(t, 'Keep-Alive: timeout=10\r\n');
  other.service.clock.advance(9_000);
  await other.connection.closed;
});

test('a GET whose idle connection the origin has closed is sent once more on a new one', async (t) => {
  const { service, connection } = await served(t);
  const { response } = service.ask({ target: '/two' });
  await connection.head();
  connection.socket.destroy();
  const second = await service.accept();
  assert.match(await second.head(), /^GET \/two /);
  second.answer('two');
  await response.done;
  assert.equal(response.body.toString(), 'two');
});

test('it is sent once more and not twice', async (t) => {
  const { service, connection } = await served(t);
  const { response } = service.ask({ target: '/two' });
  await connection.head();
  connection.socket.destroy();
  const second = await service.accept();
  await second.head();
  second.socket.destroy();
  await response.done;
  assert.equal(response.error?.code, 'ADIT_ORIGIN_FAILED');
  assert.equal(service.connectionCount, 2);
});

test('a GET whose answer has begun is not sent again', async (t) => {
  const { service, connection } = await served(t);
  const { response } = service.ask();
  await connection.head();
  connection.write('HTTP/1.1 200');
  connection.socket.end();
  await response.done;
  assert.equal(response.error?.code, 'ADIT_ORIGIN_FAILED');
  assert.equal(service.connectionCount, 1);
});

test('a POST is not sent again', async (t) => {
  const { service, connection } = await served(t);
  service.clock.advance(250);
  const { response } = service.ask({ method: 'POST', fields: ['Content-Length', '0'] });
  await connection.head();
  connection.socket.destroy();
  await response.done;
  assert.equal(response.error?.code, 'ADIT_ORIGIN_FAILED');
  assert.equal(service.connectionCount, 1);
});

for (const method of ['GET', 'POST']) {
  test(`after a connection was closed right behind its answer, a ${method} has a new one for 5 s`, async (t) => {
    const { service, connection } = await served(t);
    service.clock.advance(250);
    connection.socket.end();
    await connection.closed;
    for (const waitMs of [0, 4_000]) {
      service.clock.advance(waitMs);
      const { response } = service.ask({ method, fields: ['Content-Length', '0'] });
      const next = await service.accept();
      await next.head();
      next.answer('alone');
      await response.done;
      await next.closed;
    }
  });
}

test('a POST takes no connection of a service that has not left one open yet', async (t) => {
  const { service } = await served(t);
  service.ask({ method: 'POST', target: '/post', fields: ['Content-Length', '0'] });
  assert.match(await (await service.accept()).head(), /^POST \/post /);
});

test('a service that closes a connection after a second has the others kept', async (t) => {
  const { service, connection } = await served(t);
  service.clock.advance(1_000);
  connection.socket.end();
  await connection.closed;
  const { response } = service.ask();
  const next = await service.accept();
  await next.head();
  next.answer('kept');
  await response.done;
  service.ask({ target: '/two' });
  assert.match(await next.head(), /^GET \/two /);
});

test('a POST takes no connection that has been idle for a second, but leaves it to a GET', async (t) => {
  const { service, connection } = await served(t);
  service.clock.advance(1_000);
  service.ask({ method: 'POST', target: '/post', fields: ['Content-Length', '0'] });
  assert.match(await (await service.accept()).head(), /^POST \/post /);
  service.ask({ target: '/get' });
  assert.match(await connection.head(), /^GET \/get /);
});

test('a POST takes a connection that has been idle for less', async (t) => {
  const { service, connection } = await served(t);
  service.clock.advance(999);
  service.ask({ method: 'POST', target: '/post', fields: ['Content-Length', '0'] });
  assert.match(await connection.head(), /^POST \/post /);
});

test('bytes that nobody asked for end an idle connection', async (t) => {
  const { service, connection } = await served(t);
  connection.answer('unasked');
  await connection.closed;
  service.ask({ target: '/two' });
  assert.match(await (await service.accept()).head(), /^GET \/two /);
});

test('bytes behind a response end the connection, and are part of no other response', async (t) => {
  const service = await SocketOrigin.start(t);
  const { response } = service.ask();
  const connection = await service.accept();
  await connection.head();
  connection.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloSMUGGLED');
  await response.done;
  assert.equal(response.body.toString(), 'hello');
  await connection.closed;
  service.ask({ target: '/two' });
  await (await service.accept()).head();
});

test('a connection that was held back serves the next request', async (t) => {
  const service = await SocketOrigin.start(t);
  const { response, told } = service.ask();
  told.takesMore = false;
  const connection = await service.accept();
  await connection.head();
  connection.answer('one');
  await response.done;
  const next = service.ask({ target: '/two' });
  await connection.head();
  connection.answer('two');
  await next.response.done;
  assert.equal(next.response.body.toString(), 'two');
});

test('a connection that the origin would not keep for longer than a second serves no other request', async (t) => {
  const { connection } = await served(t, 'Keep-Alive: timeout=1\r\n');
  await connection.closed;
});

test('a time that one answer names does not hold for the next one', async (t) => {
  const { service, connection } = await served(t, 'Keep-Alive: timeout=60\r\n');
  const { response } = service.ask();
  await connection.head();
  connection.answer('two');
  await response.done;
  service.clock.advance(5_000);
  await connection.closed;
});

test('a request that is sent once more takes no other idle connection', async (t) => {
  const service = await SocketOrigin.start(t);
  const asked = [service.ask(), service.ask()];
  const connections = [await service.accept(), await service.accept()];
  for (const connection of connections) {
    await connection.head();
    connection.answer('one');
  }
  await Promise.all(asked.map(({ response }) => response.done));
  const { response } = service.ask({ target: '/two' });
  const taken = await Promise.race(
    connections.map(async (connection) => [await connection.head(), connection] as const),
  );
  taken[1].socket.destroy();
  const third = await service.accept();
  await third.head();
  third.answer('two');
  await response.done;
  assert.equal(response.body.toString(), 'two');
});

test('closing gives up the idle connections', async (t) => {
  const { service, connection } = await served(t);
  const closed = once(connection.socket, 'close');
  service.origin.close();
  await closed;
  assert.equal(service.clock.pendingCount, 0);
});
