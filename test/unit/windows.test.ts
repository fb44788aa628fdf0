import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

// What follows is read once, by the modules that are loaded then.
Object.defineProperty(process, 'platform', { value: 'win32' });
const { parseOrigin } = await import('#internal/agent/origin-address');
const { textPrinter } = await import('../../cmd/adit/printer.ts');

for (const path of ['\\\\.\\pipe\\app', '\\\\server\\pipe\\app', '//./pipe/app']) {
  test(`on Windows unix:${path} is a pipe`, () => {
    assert.deepEqual(parseOrigin(`unix:${path}`).endpoint, { path });
  });
}

for (const path of ['/run/app.sock', 'C:\\app\\app.sock', 'app.sock', '\\\\.\\pipe\\', '\\\\server\\share\\app.sock']) {
  test(`on Windows unix:${path} is refused, with what to write instead`, () => {
    assert.throws(() => parseOrigin(`unix:${path}`), {
      code: 'ADIT_USAGE',
      message: /such as unix:\\\\\.\\pipe\\app$/,
    });
  });
}

test('on Windows what goes into a file has no colours', async () => {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const printer = textPrinter(out, err);
  printer.event({ event: 'online', url: 'http://a.test/', hostname: 'a.test' }, 'localhost:3000');
  printer.fatal(new Error('over'));
  out.end();
  err.end();
  assert.deepEqual([await text(out), await text(err)], ['online   http://a.test/ → localhost:3000\n', 'adit: over\n']);
});
