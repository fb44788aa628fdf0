import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import http from 'node:http';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openFiles } from '../support/hub-metrics.ts';
import { JournalOrigin } from '../support/journal-origin.ts';
import { freePort, startAgent, startHub, startTunnel } from '../support/processes.ts';
import { Tally } from '../support/tally.ts';
import { visit } from '../support/visit.ts';
import { VisitorLoop } from '../support/visitor-loop.ts';

const origin = await JournalOrigin.start({ after });

test('a hub that cannot write its log keeps serving', async (t) => {
  const port = await freePort();
  const main = fileURLToPath(new URL('../../dist/cmd/adit-server/main.js', import.meta.url));
  // Whatever is written there fails as on a disk that is full.
  const full = openSync('/dev/full', 'w');
  const hub = spawn(process.execPath, [main, '--listen', `127.0.0.1:${port}`, '--log-format', 'json'], {
    stdio: ['ignore', full, full],
  });
  const exited = once(hub, 'exit');
  t.after(async () => {
    hub.kill('SIGKILL');
    await exited;
  });
  const agent = await startAgent(t, ['--hub', `http://localhost:${port}`, String(origin.port)]);
  assert.equal((await visit({ port, host: agent.hostname, path: '/hash' })).status, 200);
  assert.equal(hub.exitCode, null);
});

test('an agent that nobody listens to keeps its tunnel', async (t) => {
  const listen = ['--listen', `127.0.0.1:${await freePort()}`];
  const hub = await startHub(t, listen);
  const agent = await startAgent(t, ['--hub', hub.url, String(origin.port)]);
  agent.program.process.stdout?.destroy();
  await hub.program.stop();
  await startHub(t, listen);
  const at = { port: hub.port, host: agent.hostname, path: '/hash' };
  while ((await visit(at)).status !== 200) await setTimeout(50);
  assert.equal(agent.program.process.exitCode, null);
});

const withoutPrlimit = spawnSync('prlimit', ['--version']).error !== undefined && 'prlimit is not installed';

test('a hub without file descriptors keeps what it has, and serves new visitors once it has some', {
  skip: withoutPrlimit,
}, async (t) => {
  const { hub, port, host } = await startTunnel(t, origin.port, { hubArgs: ['--rate-limit', 'off'] });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const kept = async (): Promise<number> => (await visit({ port, host, path: '/hash', agent })).status;
  assert.equal(await kept(), 200);
  const limit = openFiles(hub.program) + 8;
  spawnSync('prlimit', ['--pid', String(hub.program.process.pid), `--nofile=${limit}:${limit}`]);
  const idle = Array.from({ length: 40 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  t.after(() => idle.forEach((socket) => void socket.destroy()));
  await Promise.all(idle.map((socket) => once(socket, 'connect')));
  while (openFiles(hub.program) < limit) await setTimeout(10);
  for (let i = 0; i < 20; i += 1) assert.equal(await kept(), 200);
  for (const socket of idle) socket.destroy();
  const tally = new Tally();
  const loop = VisitorLoop.start(t, { port, host }, { form: 'close', tally });
  while (tally.wholeCount < 20) await setTimeout(10);
  await loop.stop();
  assert.equal(hub.program.process.exitCode, null);
  assert.equal(await kept(), 200);
});

test('a hub whose memory for bodies is used up still passes others on', async (t) => {
  const hubArgs = ['--memory', '1', '--max-body', 'unlimited', '--rate-limit', 'off'];
  const { port, host } = await startTunnel(t, origin.port, { hubArgs });
  const stalled = Array.from({ length: 20 }, () => {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    socket.write(`GET /bytes/10000000/1 HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    return socket.pause();
  });
  t.after(() => stalled.forEach((socket) => void socket.destroy()));
  await Promise.all(stalled.map((socket) => once(socket, 'readable')));
  const tally = new Tally();
  const loop = VisitorLoop.start(t, { port, host }, { form: 'keep-alive', tally });
  while (tally.wholeCount + tally.declaredCount < 50) await setTimeout(10);
  await loop.stop();
  tally.check(origin);
  assert.equal(tally.declaredCount, 0);
});
