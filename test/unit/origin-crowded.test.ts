import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type OriginSocket, SocketOrigin } from '../support/socket-origin.ts';

/** A service with an idle connection, and a new one that it has not answered for that long, both in milliseconds. */
async function crowded(t: TestContext, waitedMs: number) {
  const service = await SocketOrigin.start(t);
  const first = service.ask();
  const second = service.ask({ target: '/second' });
  const [idle, waiting] = [await service.accept(), await service.accept()];
  await Promise.all([idle.head(), waiting.head()]);
  idle.answer('one');
  await first.response.done;
  service.clock.advance(waitedMs);
  return { service, idle, waiting, second };
}

async function answered(connection: OriginSocket, { response }: ReturnType<SocketOrigin['ask']>): Promise<void> {
  connection.answer('late');
  await response.done;
  assert.equal(response.body.toString(), 'late');
}

test('an idle connection is closed when a new one waits for its first byte', async (t) => {
  const { idle } = await crowded(t, 250);
  await idle.closed;
});

test('a service that answers the new one then, twice, has its connections closed after each answer for a minute', async (t) => {
  const { service, idle, waiting, second } = await crowded(t, 250);
  await idle.closed;
  await answered(waiting, second);
  const third = service.ask();
  await waiting.head();
  const fourth = service.ask();
  const next = await service.accept();
  await next.head();
  await answered(waiting, third);
  service.clock.advance(250);
  await waiting.closed;
  await answered(next, fourth);
  await next.closed;
  const fifth = service.ask();
  const connection = await service.accept();
  await answered(connection, fifth);
  await connection.closed;
  assert.equal(service.clock.pendingCount, 0);
  service.clock.advance(60_000);
  const sixth = service.ask();
  const kept = await service.accept();
  await answered(kept, sixth);
  await kept.head();
  service.ask({ target: '/seventh' });
  assert.match(await kept.head(), /^GET \/seventh /);
});

test('a service that takes its time now and then has its connections kept', async (t) => {
  const { service, idle, waiting, second } = await crowded(t, 250);
  await idle.closed;
  await answered(waiting, second);
  service.ask({ target: '/third' });
  assert.match(await waiting.head(), /^GET \/third /);
});

test('a service that takes its time for an answer has its connections kept', async (t) => {
  const { service, idle, waiting, second } = await crowded(t, 250);
  await idle.closed;
  service.clock.advance(200);
  await answered(waiting, second);
  service.ask({ target: '/third' });
  assert.match(await waiting.head(), /^GET \/third /);
});

test('an idle connection stays when the new one has its first byte', async (t) => {
  const { service, idle, waiting, second } = await crowded(t, 150);
  waiting.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n');
  await second.response.answered;
  service.clock.advance(1_000);
  service.ask({ target: '/third' });
  assert.match(await idle.head(), /^GET \/third /);
});
