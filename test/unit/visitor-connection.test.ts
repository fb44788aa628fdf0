import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import type { RequestReceiver } from '#internal/hub/edge/request-receiver';
import { VisitorConnection, type VisitorHandler } from '#internal/hub/edge/visitor-connection';
import { FakeClock } from '../support/fake-clock.ts';

test('what an upgraded visitor sent before it ended its side stays before the end, however late it is taken', async (t) => {
  const told: string[] = [];
  const ignore = (): void => undefined;
  const receiver: RequestReceiver = {
    requestData: (chunk) => told.push(String(chunk)),
    requestEnd: () => told.push('the end'),
    requestFailed: ignore,
    responseTaken: ignore,
    gone: ignore,
    check: ignore,
  };
  const handler: VisitorHandler = {
    request: (connection) => {
      connection.accept(receiver);
      connection.upgrade('HTTP/1.1 101 Switching Protocols\r\n\r\n');
      connection.hold();
    },
    malformed: ignore,
  };
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const visitor = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  t.after(() => visitor.destroy());
  t.after(() => socket.destroy());
  const clock = new FakeClock();
  const connection = new VisitorConnection(socket, { isEncrypted: false, clock, handler });
  visitor.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(visitor, 'data');
  visitor.end('the last words');
  // Once a second it looks whether a visitor that is held back has left.
  while (!socket.readableEnded) {
    connection.check(clock.now());
    await new Promise((resolve) => setImmediate(resolve));
  }
  connection.release();
  assert.deepEqual(told, ['the last words', 'the end']);
});
