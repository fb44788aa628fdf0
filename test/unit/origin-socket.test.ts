import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { temporaryFolder } from '../support/processes.ts';
import { SocketOrigin } from '../support/socket-origin.ts';

/** A path that a local socket can have on this system. */
function socketPath(t: TestContext): string {
  const path = join(temporaryFolder(t), 'app.sock');
  return process.platform === 'win32' ? `\\\\.\\pipe\\${path.replace(/[\\:]/g, '-')}` : path;
}

test('a service on a local socket is asked as localhost', async (t) => {
  const path = socketPath(t);
  const service = await SocketOrigin.start(t, { path, name: () => `unix:${path}` });
  const { response } = service.ask();
  const connection = await service.accept();
  assert.match(await connection.head(), /^GET \/ HTTP\/1\.1\r\nHost: localhost\r\n/);
  connection.answer('from the socket');
  await response.done;
  assert.equal(response.body.toString(), 'from the socket');
});

test('where nothing listens on a local socket the message names its path', async (t) => {
  const service = await SocketOrigin.start(t, { name: () => `unix:${socketPath(t)}` });
  const { response } = service.ask();
  await response.done;
  assert.equal(response.error?.code, 'ADIT_ORIGIN_UNREACHABLE');
  assert.match(response.error.message, /^nothing answers at unix:.*app.sock: .*ENOENT/);
});

// Elsewhere a full socket refuses as one on which nothing listens, or lets wait.
const skip = process.platform !== 'linux';

test('more requests than a local socket lets wait are asked as it has room', { skip }, async (t) => {
  const path = socketPath(t);
  const service = await SocketOrigin.start(t, { path, name: () => `unix:${path}`, backlog: 1 });
  let troubleCount = 0;
  service.origin.onTrouble = () => {
    troubleCount += 1;
  };
  // In one turn, in which none is accepted.
  const asked = Array.from({ length: 6 }, (_, i) => {
    const forwarded = service.forward({ method: 'POST', target: `/${i}`, fields: ['Content-Length', '5'] });
    forwarded.request.data(Buffer.from('hello'));
    forwarded.request.ended([]);
    return forwarded.response;
  });
  const check = service.origin.check();
  const answerAll = async (): Promise<never> => {
    for (;;) {
      const connection = await service.accept();
      void connection
        .until('hello')
        .then((request) => connection.answer(request.slice('POST '.length, 'POST /0'.length)));
    }
  };
  void answerAll();
  let isDone = false;
  const allDone = Promise.all([check, ...asked.map(({ done }) => done)]).finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await nextTurn();
    service.clock.advance(10);
  }
  await allDone;
  assert.deepEqual(
    asked.map(({ error, body }) => error?.message ?? body.toString()),
    ['/0', '/1', '/2', '/3', '/4', '/5'],
  );
  assert.equal(await check, undefined);
  assert.equal(troubleCount, 0);
});
