// What must be there before anything else can run. Plain JavaScript without dependencies, since it installs them.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Runs a command of the project and ends this process when it fails. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (error) console.error(`${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

/** Runs the script of an installed package with this Node. */
export function runInstalled(script, args, options) {
  run(process.execPath, [join(root, 'node_modules', script), ...args], options);
}

/** Installs the packages that the lock file names, unless they are there. */
export function ensureInstalled() {
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (existsSync(installed) && modifiedAt(installed) >= modifiedAt(join(root, 'package-lock.json'))) return;
  console.log('Installing packages …');
  // npm is a script, which Windows starts only through a shell.
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { shell: process.platform === 'win32' });
}

/** Compiles the sources into dist/, unless that is newer than all of them. */
export function ensureBuilt() {
  const built = join(root, 'dist', 'cmd', 'adit', 'main.js');
  const sources = ['cmd', 'internal', 'messages', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];
  if (existsSync(built) && modifiedAt(built) > Math.max(...sources.map((path) => newest(join(root, path))))) return;
  build();
}

/** Compiles the sources into an empty dist/. */
export function build() {
  console.log('Building …');
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  runInstalled('@typescript/native/bin/tsc', ['-p', 'tsconfig.build.json']);
}

function modifiedAt(path) {
  return statSync(path).mtimeMs;
}

function newest(path) {
  if (!statSync(path).isDirectory()) return modifiedAt(path);
  return Math.max(modifiedAt(path), ...readdirSync(path).map((name) => newest(join(path, name))));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  ensureInstalled();
  build();
}
