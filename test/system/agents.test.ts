import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startOrigin } from '../support/origin.ts';
import {
  type AgentProcess,
  type Cleanup,
  runToEnd,
  spawnAgent,
  startAgent,
  startHub,
  temporaryFolder,
} from '../support/processes.ts';
import { visit } from '../support/visit.ts';

const hub = await startHub({ after });
const { port } = hub;
const one = await startOrigin({ after }, (_request, response) => response.end('one'));
const two = await startOrigin({ after }, (_request, response) => response.end('two'));

async function textAt({ hostname }: AgentProcess): Promise<string> {
  const { status, text } = await visit({ port, host: `${hostname}:${port}` });
  return status === 200 ? text : String(status);
}

/** An agent of the user whose home is `HOME`. */
async function start(t: Cleanup, originPort: number, HOME: string, args: string[] = []): Promise<AgentProcess> {
  return await startAgent(t, ['--hub', hub.url, ...args, String(originPort)], { HOME });
}

async function noteOf(agent: AgentProcess): Promise<string> {
  return await agent.program.line((line) => /"event":"note","message":"(.*)"/.exec(line)?.[1]);
}

test('two agents with keys of their own serve side by side', async (t) => {
  const first = await start(t, one.port, temporaryFolder(t));
  const second = await start(t, two.port, temporaryFolder(t));
  assert.notEqual(first.hostname, second.hostname);
  assert.deepEqual(await Promise.all([textAt(first), textAt(second)]), ['one', 'two']);
});

test('what an agent prints of its address is where it can be found', async (t) => {
  const agent = await start(t, one.port, temporaryFolder(t));
  assert.equal(agent.url, `http://${agent.hostname}:${port}/`);
});

test('further agents with one key on one machine take sessions of their own and say so', async (t) => {
  const home = temporaryFolder(t);
  const first = await start(t, one.port, home);
  const second = await start(t, two.port, home);
  const note = await noteOf(second);
  assert.match(note, new RegExp(`pid ${first.program.process.pid} for localhost:${one.port}`));
  assert.match(note, new RegExp(`session port-${two.port}\\b`));
  const third = await start(t, two.port, home);
  assert.match(await noteOf(third), new RegExp(`session port-${two.port}-2\\b`));
  assert.equal(new Set([first, second, third].map(({ hostname }) => hostname)).size, 3);
  assert.deepEqual(await Promise.all([first, second, third].map(textAt)), ['one', 'two', 'two']);
});

test('a session has the same hostname each time, and another one than its key', async (t) => {
  const home = temporaryFolder(t);
  const named = await start(t, one.port, home, ['--session', 'shop']);
  await named.program.stop('SIGTERM');
  const again = await start(t, two.port, home, ['--session', 'shop']);
  const { stdout } = await runToEnd('adit', ['--session', 'shop', 'id'], { HOME: home });
  assert.equal(named.hostname, `${stdout}.localhost`);
  assert.equal(again.hostname, named.hostname);
  assert.equal(await textAt(again), 'two');
  const own = await start(t, one.port, home);
  assert.notEqual(own.hostname, named.hostname);
  assert.ok(!own.program.lines.some((line) => line.includes('"note"')));
});

test('a session that was asked for and is in use ends with 2 and names who has it', async (t) => {
  const home = temporaryFolder(t);
  const holder = await start(t, one.port, home, ['--session', 'shop']);
  const late = spawnAgent(t, ['--hub', hub.url, '--session', 'shop', String(two.port)], { HOME: home });
  assert.deepEqual(await late.exited, { code: 2, signal: null });
  assert.match(late.stderr, new RegExp(`session "shop".*pid ${holder.program.process.pid}.*localhost:${one.port}`));
  assert.equal(await textAt(holder), 'one');
});

test('an agent that was killed leaves its name to the next one', async (t) => {
  const home = temporaryFolder(t);
  const killed = await start(t, one.port, home);
  await killed.program.stop('SIGKILL');
  const next = await start(t, two.port, home);
  assert.equal(next.hostname, killed.hostname);
  assert.equal(await textAt(next), 'two');
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} ends an agent with 0, and visitors are told 502 at once`, async (t) => {
    const agent = await start(t, one.port, temporaryFolder(t));
    assert.equal(await textAt(agent), 'one');
    assert.deepEqual(await agent.program.stop(signal), { code: 0, signal: null });
    const startedAt = performance.now();
    assert.equal(await textAt(agent), '502');
    assert.ok(performance.now() - startedAt < 1_000);
  });
}
