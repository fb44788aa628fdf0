// Runs the test suites: `npm test` runs the usual ones, `npm run test:slow` and `npm run bench` others of the same kind.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { build, ensureBuilt, ensureInstalled, root, run, runInstalled } from '../cmd/prepare.mjs';

/** Programs that tests run for real, with the packages that bring them (Debian, Homebrew). */
const programs = [
  { commands: ['redis-server'], apt: 'redis-server', brew: 'redis' },
  { commands: ['chromium', 'chromium-browser', 'google-chrome'], apt: 'chromium', brew: 'chromium' },
  { commands: ['nginx', '/usr/sbin/nginx'], apt: 'nginx-light', brew: 'nginx' },
  { commands: ['wrk'], apt: 'wrk', brew: 'wrk' },
  { commands: ['openssl'], apt: 'openssl', brew: 'openssl' },
  { commands: ['curl'], apt: 'curl', brew: 'curl' },
];

/** What the bench compares with, and says to be absent otherwise. */
const comparedPrograms = [{ commands: ['/usr/sbin/sshd'], apt: 'openssh-server' }];

const suites = {
  check() {
    runInstalled('@typescript/native/bin/tsc', ['-p', 'tsconfig.json']);
    runInstalled('@biomejs/biome/bin/biome', ['check', '--error-on-warnings', '.']);
    run(process.execPath, ['test/architecture.mjs']);
    runInstalled('knip/bin/knip.js', []);
  },
  unit: () => runTests('unit', { isShared: true }),
  contract: () => runTests('contract', { isShared: true }),
  system() {
    ensureBuilt();
    // What measures how fast whole processes are has the processors for itself.
    const measured = 'faults-(cuts|resources)|flow-ends|slow-visitors|origin-backlog|websocket-volume';
    runTests('system', { only: new RegExp(`^(${measured})`) });
    runTests('system', { only: new RegExp(`^(?!${measured})`), isShared: true });
    // What visitors see must not depend on the wire, which agents read as their setting, nor on the hub that they come to.
    const visited = /^(http|expectations|refusals-|routing|forged-errors|visitor-errors|dialling|agents)/;
    const streamed =
      /^(http|expectations|forged-errors|pipelines|early-response|flow-ends|upgrades|websocket-messages)/;
    runTests('system', { env: { WIRE: 'v1' }, only: visited, isShared: true });
    runTests('system', { env: { LAYOUT: 'two-hubs' }, only: streamed, isShared: true });
    runTests('system', { env: { LAYOUT: 'two-hubs', WIRE: 'v1' }, only: /^(http|forged-errors)/, isShared: true });
  },
  browser() {
    ensureBuilt();
    runTests('browser');
  },
  slow() {
    ensureBuilt();
    runTests('slow');
  },
  bench() {
    ensureBuilt();
    const flags = ['--conditions=adit-source', '--import', 'tsx'];
    run(process.execPath, [...flags, 'test/bench/main.ts', ...benchArguments]);
  },
};

function runTests(suite, { env = {}, only = /./, isShared = false } = {}) {
  const folder = join(root, 'test', suite);
  // Node 20 takes no patterns here.
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.test.ts') && only.test(name))
    .map((name) => join(folder, name));
  if (files.length === 0) throw new Error(`no tests in ${folder}`);
  const settings = Object.entries(env).map(([name, value]) => ` ${name}=${value}`);
  console.log(`\n== ${suite}${settings.join('')}`);
  const flags = [
    '--conditions=adit-source',
    '--import',
    'tsx',
    '--test',
    '--test-reporter=spec',
    // For each file as well as for each test in it.
    `--test-timeout=${suite === 'slow' ? 1_500_000 : 300_000}`,
  ];
  // Left to itself, Node keeps one processor free; but what runs whole processes often waits for them.
  const concurrency = `--test-concurrency=${isShared ? availableParallelism() + 1 : 1}`;
  run(process.execPath, [...flags, concurrency, ...files], { env: { ...process.env, ...env } });
}

function ensurePrograms() {
  const isDebian = existsSync('/usr/bin/apt-get') && process.getuid?.() === 0;
  // Only where packages start no services, as in a container: a bench must not open a login to this machine.
  const isCompared = names.includes('bench') && isDebian && existsSync('/usr/sbin/policy-rc.d');
  const wanted = isCompared ? [...programs, ...comparedPrograms] : programs;
  const missing = wanted.filter(({ commands }) => !commands.some(isThere));
  if (missing.length === 0) return;
  if (!isDebian) {
    const names = missing.map(({ apt }) => apt).join(' ');
    const brews = missing.map(({ brew }) => brew).join(' ');
    console.error(
      `Tests need programs that are missing. Install them: apt-get install ${names}, or brew install ${brews}`,
    );
    process.exit(1);
  }
  const packages = missing.map(({ apt }) => apt);
  console.log(`Installing ${packages.join(', ')} …`);
  const options = {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  };
  run('apt-get', ['update', '-q'], options);
  run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], options);
}

function isThere(command) {
  if (command.startsWith('/')) return existsSync(command);
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).error === undefined;
}

const words = process.argv.slice(2);
/** What stands behind `bench` is the bench's own. */
const behind = words.includes('bench') ? words.indexOf('bench') + 1 : words.length;
const asked = words.slice(0, behind);
const benchArguments = words.slice(behind);
const names = asked.length > 0 ? asked : ['check', 'unit', 'contract', 'system', 'browser'];
const unknown = names.find((name) => !Object.hasOwn(suites, name));
if (unknown) {
  console.error(`no suite is called "${unknown}"; there are ${Object.keys(suites).join(', ')}`);
  process.exit(2);
}
ensureInstalled();
if (names.some((name) => ['contract', 'system', 'browser', 'slow', 'bench'].includes(name))) ensurePrograms();
if (asked.length === 0) build();
const startedAt = Date.now();
for (const name of names) suites[name]();
console.log(`\nAll green: ${names.join(', ')} in ${Math.round((Date.now() - startedAt) / 1000)} s.`);
