import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { MemoryWatch, percentile } from '../support/figures.ts';
import { JournalOrigin } from '../support/journal-origin.ts';
import { freePort, startAgent, startHub } from '../support/processes.ts';
import { Relay } from '../support/relay.ts';
import { downloadVerified, uploadVerified } from '../support/verified-bodies.ts';
import { visit } from '../support/visit.ts';
import type { Target } from '../support/visitor-loop.ts';

/** 1 Mbit/s. */
const bytesPerSecond = 125_000;
const rounds = 6;
const perRound = 200;

async function times({ port, host }: Target, agent: http.Agent): Promise<number[]> {
  const taken: number[] = [];
  for (let i = 0; i < perRound; i += 1) {
    const startedAt = performance.now();
    assert.equal((await visit({ port, host, path: '/hash', agent })).status, 200);
    taken.push(performance.now() - startedAt);
  }
  return taken;
}

test('bodies on a link of 1 Mbit/s take little memory, and other tunnels no longer', async (t) => {
  const origin = await JournalOrigin.start(t);
  const port = await freePort();
  const relay = await Relay.start(t, [port], { bytesPerSecond, delayMs: 20 });
  const bases = ['--base', `http://localhost:${port}`, '--base', `http://localhost:${relay.port}`];
  const limits = ['--max-body', 'unlimited', '--rate-limit', 'off'];
  const hub = await startHub(t, ['--listen', `127.0.0.1:${port}`, ...bases, ...limits]);
  const thin = await startAgent(t, ['--hub', `http://localhost:${relay.port}`, String(origin.port)]);
  const thick = await startAgent(t, ['--hub', hub.url, String(origin.port)]);
  const memory = new MemoryWatch(t, { hub: hub.program, agent: thin.program });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const [slow, other] = [thin, thick].map(({ hostname }) => ({ port, host: hostname })) as [Target, Target];
  const alone: number[] = [];
  const beside: number[] = [];
  await times(other, agent);
  // By turns, since what else this machine does changes all the time.
  for (let round = 0; round < rounds; round += 1) {
    alone.push(...(await times(other, agent)));
    const bodies = Array.from({ length: 10 }, (_, i) =>
      i % 2 === 0 ? downloadVerified(slow, 60_000, i) : uploadVerified(slow, 60_000, i),
    );
    beside.push(...(await times(other, agent)));
    await Promise.all(bodies);
  }
  const [before, meanwhile] = [percentile(alone, 0.99), percentile(beside, 0.99)];
  t.diagnostic(
    `p99 ${before.toFixed(1)} ms alone, ${meanwhile.toFixed(1)} ms beside; ${JSON.stringify(memory.growth)} MB`,
  );
  // Other programs on this machine cost a few milliseconds now and then.
  assert.ok(meanwhile <= 1.2 * before + 10, `${before} ms, then ${meanwhile} ms`);
  for (const [name, megabytes] of Object.entries(memory.growth)) {
    assert.ok(megabytes <= 100, `${name} grew by ${megabytes} MB`);
  }
});
