import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startOrigin, type TestOrigin } from '../support/origin.ts';
import { type AgentProcess, type Cleanup, startAgent, startHub, temporaryFolder } from '../support/processes.ts';
import { visit } from '../support/visit.ts';

const hub = await startHub({ after }, ['--rate-limit', 'off']);
const { port } = hub;

interface Machine {
  home: string;
  origin: TestOrigin;
  agent: AgentProcess;
  /** Answers the requests for `/slow` that wait. */
  release(): void;
}

/** An agent with a home of its own, as on another machine, and the key of `other` where there is one. */
async function startMachine(t: Cleanup, name: string, other?: Machine): Promise<Machine> {
  const waiting: (() => void)[] = [];
  const origin = await startOrigin(t, (request, response) => {
    if (request.url === '/slow') waiting.push(() => response.end(name));
    else response.end(name);
  });
  const home = temporaryFolder(t);
  const folder = join(home, '.config', 'adit');
  if (other) {
    mkdirSync(folder, { recursive: true });
    copyFileSync(join(other.home, '.config', 'adit', 'key.pem'), join(folder, 'key.pem'));
  }
  const agent = await startAgent(t, ['--hub', hub.url, String(origin.port)], { HOME: home });
  return { home, origin, agent, release: () => waiting.forEach((answer) => void answer()) };
}

test('the newest agent with a key wins, and what the old one was doing is still answered', async (t) => {
  const old = await startMachine(t, 'old');
  const host = `${old.agent.hostname}:${port}`;
  assert.equal((await visit({ port, host })).text, 'old');
  const arrived = new Promise<void>((resolve) => old.origin.server.once('request', () => resolve()));
  const slow = visit({ port, host, path: '/slow' });
  await arrived;
  const fresh = await startMachine(t, 'fresh', old);
  assert.equal(fresh.agent.hostname, old.agent.hostname);
  assert.equal((await visit({ port, host })).text, 'fresh');
  old.release();
  assert.equal((await slow).text, 'old');
  assert.deepEqual(await old.agent.program.exited, { code: 3, signal: null });
  assert.match(old.agent.program.stderr, /another agent with this key took over/);
  assert.equal((await old.agent.event('replaced')).reason, 'another agent with this key took over');
  assert.equal((await visit({ port, host })).text, 'fresh');
});

test('a takeover under load loses nothing', async (t) => {
  const old = await startMachine(t, 'old');
  const host = `${old.agent.hostname}:${port}`;
  const seen: string[] = [];
  let isOver = false;
  const load = Array.from({ length: 8 }, async () => {
    while (!isOver) {
      const { status, text } = await visit({ port, host });
      seen.push(`${status} ${text}`);
    }
  });
  const fresh = await startMachine(t, 'fresh', old);
  assert.deepEqual(await old.agent.program.exited, { code: 3, signal: null });
  isOver = true;
  await Promise.all(load);
  assert.equal((await visit({ port, host })).text, 'fresh');
  assert.deepEqual([...new Set(seen)].sort(), ['200 fresh', '200 old']);
  assert.equal(fresh.agent.program.process.exitCode, null);
});
