import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, describe, test } from 'node:test';
import { MemoryWatch } from '../support/figures.ts';
import { JournalOrigin } from '../support/journal-origin.ts';
import { type Cleanup, startTunnel } from '../support/processes.ts';
import { visit } from '../support/visit.ts';
import { startWires } from '../support/wires.ts';

const origin = await JournalOrigin.start({ after });

/** A visitor that reads a byte each second. Resolves with how long it was served, in milliseconds. */
async function sip(t: Cleanup, { port, host }: { port: number; host: string }, i: number): Promise<number> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  t.after(() => socket.destroy());
  const startedAt = performance.now();
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write(`GET /bytes/100000000/${i} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  socket.pause();
  const timer = setInterval(() => void socket.read(1), 1_000);
  await Promise.race([closed, origin.entry(`/bytes/100000000/${i}`, ({ end }) => end !== undefined)]);
  clearInterval(timer);
  return performance.now() - startedAt;
}

test('500 visitors that read a byte each second take little memory, and lose patience with nobody else', async (t) => {
  const hubArgs = ['--max-body', 'unlimited', '--rate-limit', 'off'];
  const { hub, agent, port, host } = await startTunnel(t, origin.port, { hubArgs });
  const memory = new MemoryWatch(t, { hub: hub.program, agent: agent.program });
  const served = await Promise.all(Array.from({ length: 500 }, (_, i) => sip(t, { port, host }, i)));
  t.diagnostic(
    `grew ${JSON.stringify(memory.growth)} MB; closed after ${Math.min(...served).toFixed(0)} to ${Math.max(...served).toFixed(0)} ms`,
  );
  assert.ok(Math.min(...served) >= 59_000);
  assert.ok(Math.max(...served) <= 150_000);
  for (const [name, megabytes] of Object.entries(memory.growth)) {
    assert.ok(megabytes <= 100, `${name} grew by ${megabytes} MB`);
  }
  assert.equal((await visit({ port, host, path: '/hash' })).status, 200);
});

describe('with the deadline that is built in', { concurrency: true }, async () => {
  const { port, hosts } = await startWires({ after }, origin.port);
  for (const wire of ['v1', 'v2'] as const) {
    for (const [ms, status] of [
      [29_000, 200],
      [31_500, 504],
    ] as const) {
      test(`an answer after ${ms / 1_000} s is a ${status} (${wire})`, async () => {
        assert.equal((await visit({ port, host: hosts[wire], path: `/after/${ms}/${wire}` })).status, status);
      });
    }
  }
});
