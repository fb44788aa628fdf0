import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeCertificates } from '../support/certificate.ts';
import { deployed } from '../support/deployed.ts';
import { freePort, temporaryFolder } from '../support/processes.ts';
import { visit } from '../support/visit.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A stage of the Dockerfile, with a folder in place of its file system. */
interface Stage {
  root: string;
  /** Inside `root`, where its commands run. */
  folder: string;
  env: Record<string, string>;
  user: string;
  command: string[];
  healthcheck: string[];
}

/**
 * Docker asks for more than most machines that run tests may give, so what the Dockerfile says is done in folders here:
 * every step but taking a base image and changing the user.
 */
test('the steps of the Dockerfile make a hub that serves, is healthy and stops when told', async (t) => {
  const image = buildImage(t);
  assert.notEqual(image.user, 'root');

  const port = await freePort();
  const env = { ADDR: `127.0.0.1:${port}`, DOMAIN: 'tunnel.test' };
  const hub = await startIn(t, image, env);
  const { status } = await visit({ port, host: 'localhost', path: '/healthz' });
  assert.equal(status, 200);
  assert.equal(isHealthy(image, env), true);

  hub.kill('SIGTERM');
  const [code] = await once(hub, 'exit');
  assert.equal(code, 0);
  assert.equal(isHealthy(image, env), false);

  const { certPath, keyPath } = makeCertificates(temporaryFolder(t));
  const secureEnv = { ...env, TLS_CERT: certPath, TLS_KEY: keyPath };
  await startIn(t, image, secureEnv);
  assert.equal(isHealthy(image, secureEnv), true);
});

async function startIn(t: TestContext, { command, folder, env: own }: Stage, env: Record<string, string>) {
  const [program = '', ...args] = command;
  const hub = spawn(program, args, {
    cwd: folder,
    env: { ...process.env, ...own, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => hub.kill('SIGKILL'));
  for await (const line of createInterface({ input: hub.stdout })) {
    if (line.includes('hub is listening')) return hub;
  }
  throw new Error('the hub ended before it listened');
}

function isHealthy({ healthcheck, folder }: Stage, env: Record<string, string>): boolean {
  const [program = '', ...args] = healthcheck;
  return spawnSync(program, args, { cwd: folder, env: { ...process.env, ...env } }).status === 0;
}

/** Performs the Dockerfile and gives its last stage. */
function buildImage(t: TestContext): Stage {
  const context = buildContext(t);
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  const lines = deployed('Dockerfile').replaceAll('\\\n', ' ').split('\n');
  for (const line of lines.filter((line) => line.trim() !== '' && !line.startsWith('#'))) {
    const [, instruction = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
    if (instruction === 'FROM') {
      stage = emptyStage(t);
      stages.set(/ AS (\S+)$/.exec(rest)?.[1] ?? '', stage);
    } else if (stage) {
      perform(instruction, rest, { stage, stages, context });
    }
  }
  assert.ok(stage);
  return stage;
}

/** What Docker would be sent: the files that .dockerignore lets through. */
function buildContext(t: TestContext): string {
  const context = temporaryFolder(t);
  const [everything, ...exceptions] = readFileSync(join(root, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  assert.equal(everything, '*');
  for (const exception of exceptions) {
    assert.match(exception, /^![\w./-]+$/);
    cpSync(join(root, exception.slice(1)), join(context, exception.slice(1)), { recursive: true });
  }
  return context;
}

function emptyStage(t: TestContext): Stage {
  const folder = temporaryFolder(t);
  return { root: folder, folder, env: {}, user: 'root', command: [], healthcheck: [] };
}

function perform(
  instruction: string,
  rest: string,
  { stage, stages, context }: { stage: Stage; stages: Map<string, Stage>; context: string },
): void {
  switch (instruction) {
    case 'WORKDIR':
      stage.folder = join(stage.root, rest);
      mkdirSync(stage.folder, { recursive: true });
      return;
    case 'ENV': {
      const [name = '', value = ''] = rest.split('=');
      stage.env[name] = value;
      return;
    }
    case 'COPY':
      copy(rest, stage, (from) => (from === undefined ? context : (stages.get(from) as Stage).root));
      return;
    case 'RUN': {
      const env = { ...process.env, ...stage.env };
      const { status, stderr } = spawnSync('sh', ['-c', rest], { cwd: stage.folder, env, encoding: 'utf8' });
      assert.equal(status, 0, `RUN ${rest}: ${stderr}`);
      return;
    }
    case 'USER':
      stage.user = rest;
      return;
    case 'HEALTHCHECK':
      stage.healthcheck = JSON.parse(rest.replace(/^.* CMD /, '')) as string[];
      return;
    case 'CMD':
      stage.command = JSON.parse(rest) as string[];
      return;
    case 'EXPOSE':
      assert.equal(rest, '6519');
      return;
    default:
      throw new Error(`this test does not know what ${instruction} does`);
  }
}

/** Files go into the target when that ends with `/`; what is in a folder goes to where the target says. */
function copy(rest: string, { folder }: Stage, rootOf: (stage: string | undefined) => string): void {
  const words = rest.split(/\s+/);
  const from = words[0]?.startsWith('--from=') ? words.shift()?.slice('--from='.length) : undefined;
  const target = words.pop() ?? '';
  for (const word of words) {
    const source = join(rootOf(from), word);
    const isInto = target.endsWith('/') && statSync(source).isFile();
    cpSync(source, resolve(folder, target, isInto ? basename(word) : ''), { recursive: true, verbatimSymlinks: true });
  }
}
