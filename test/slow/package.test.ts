import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startOrigin } from '../support/origin.ts';
import { Program, temporaryFolder } from '../support/processes.ts';
import { visit } from '../support/visit.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

function run(command: string, args: string[], cwd: string): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Packs the project as it is built now, and installs the package into a folder of its own. */
function install(t: { after(undo: () => unknown): void }): string {
  const folder = temporaryFolder(t);
  // Its own build would empty dist/ under whoever uses it at this moment.
  run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], root);
  const [tarball = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  writeFileSync(join(folder, 'package.json'), '{"private": true}');
  run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--silent', `./${tarball}`], folder);
  return folder;
}

test('the package installs elsewhere, and what it brings publishes a service', async (t) => {
  const folder = install(t);
  const installed = join(folder, 'node_modules', 'adit');
  const contents = readdirSync(installed);
  for (const name of ['package.json', 'README.md', 'LICENSE', 'dist']) assert.ok(contents.includes(name), name);
  for (const name of ['test', 'internal', 'cmd', 'node_modules']) assert.ok(!contents.includes(name), name);
  assert.equal(run('npx', ['--no-install', 'adit', '--version'], folder).trim(), `adit/${version}`);
  assert.equal(run('npx', ['--no-install', 'adit-server', '--version'], folder).trim(), `adit-server/${version}`);

  const bin = (name: string): string => join(folder, 'node_modules', '.bin', name);
  const hub = new Program(bin('adit-server'), ['--listen', '127.0.0.1:0']);
  t.after(() => hub.stop());
  const port = Number(await hub.line((line) => /"port":(\d+).*hub is listening/.exec(line)?.[1]));
  const origin = await startOrigin(t, (_request, response) => response.end('published'));
  const home = { HOME: folder, XDG_RUNTIME_DIR: folder };
  const agent = new Program(bin('adit'), ['--json', '--hub', `http://localhost:${port}`, String(origin.port)], home);
  t.after(() => agent.stop());
  const hostname = await agent.line((line) => /"online".*"hostname":"([^"]+)"/.exec(line)?.[1]);
  const { status, text } = await visit({ port, host: hostname });
  assert.deepEqual([status, text], [200, 'published']);
  assert.deepEqual(await agent.stop('SIGTERM'), { code: 0, signal: null });
  assert.deepEqual(await hub.stop('SIGTERM'), { code: 0, signal: null });
});
