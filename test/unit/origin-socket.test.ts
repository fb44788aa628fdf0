import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
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
