import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { NpmStart } from '../browser/npm-start.ts';
import { temporaryFolder } from '../support/processes.ts';
import { visit } from '../support/visit.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('npm start in a fresh clone installs, builds and publishes the sample page', async (t) => {
  const folder = temporaryFolder(t);
  const clone = join(folder, 'clone');
  execFileSync('git', ['clone', '--quiet', '--depth=1', `file://${root}`, clone]);
  // The home stays, since npm knows from there how to install.
  const env = { KEY: join(folder, 'key.pem'), XDG_RUNTIME_DIR: folder };
  const start = new NpmStart(t, { cwd: clone, env });
  const url = await start.url();
  assert.match(start.output, /Installing packages …[\s\S]*Building …/);
  const { status, text } = await visit({ port: Number(url.port), host: url.host });
  assert.equal(status, 200);
  assert.match(text, /This page came through the tunnel\./);
  const { main } = await start.processes();
  process.kill(main, 'SIGINT');
  assert.equal(await start.exited, 0, start.output);
});
