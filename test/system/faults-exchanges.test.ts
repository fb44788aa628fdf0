import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { holdings, untilHolds } from '../support/hub-metrics.ts';
import { JournalOrigin } from '../support/journal-origin.ts';
import { freePort, startAgent, temporaryFolder } from '../support/processes.ts';
import { Random } from '../support/random.ts';
import { RawVisitor } from '../support/raw-visitor.ts';
import { visit } from '../support/visit.ts';
import { startWires } from '../support/wires.ts';
import { within } from '../support/within.ts';

const origin = await JournalOrigin.start({ after });
const flags = ['--timeout', '1s', '--rate-limit', 'off', '--metrics-listen', '127.0.0.1:0'];
const { port, hub, hosts } = await startWires({ after }, origin.port, flags);
const metricsPort = Number(await hub.program.line((line) => /"metricsPort":(\d+)/.exec(line)?.[1]));

for (const wire of ['v1', 'v2'] as const) {
  const host = hosts[wire];

  describe(`over wire ${wire}`, { concurrency: true }, () => {
    test('an answer just before the deadline is a 200', async () => {
      assert.equal((await visit({ port, host, path: `/after/600/${wire}` })).status, 200);
    });

    test('an answer after the deadline is a 504, and what comes late is dropped', async () => {
      const path = `/after/2500/${wire}`;
      const { status, headers } = await within(2_300, visit({ port, host, path }));
      assert.deepEqual([status, headers['adit-error']], [504, 'ADIT_RESPONSE_TIMEOUT']);
      await origin.entry(path, ({ end }) => end !== undefined);
      assert.equal((await visit({ port, host, path: '/after/0' })).status, 200);
    });

    test('a service that dies within its body is seen to have done so within a second', async () => {
      const asked = visit({ port, host, path: '/die/100000' });
      if (wire === 'v2') await within(1_000, assert.rejects(asked, { code: 'ECONNRESET' }));
      // Wire v1 carries whole bodies only, so nothing of the answer has begun.
      else assert.equal((await within(1_000, asked)).headers['adit-error'], 'ADIT_ORIGIN_FAILED');
    });

    test('a service that refuses connections is a 502 within a second', async (t) => {
      const refused = await startAgent(t, ['--hub', hub.url, '--wire', wire, String(await freePort())]);
      const { status, headers } = await within(1_000, visit({ port, host: refused.hostname }));
      assert.deepEqual([status, headers['adit-error']], [502, 'ADIT_ORIGIN_UNREACHABLE']);
    });
  });
}

test('visitors that leave at any point of an upload or a download leave nothing behind', async (t) => {
  const before = await holdings(metricsPort);
  const random = new Random(19);
  const leave = async (i: number): Promise<void> => {
    const host = random.pick([hosts.v1, hosts.v2]);
    const visitor = await RawVisitor.connect(t, port);
    const length = 400_000;
    const part = 'x'.repeat(random.below(length));
    if (random.chance(0.5)) {
      visitor.send(`POST /hash HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${length}\r\n\r\n${part}`);
      await new Promise((resolve) => setTimeout(resolve, random.below(30)));
    } else {
      visitor.send(`GET /bytes/${length}/${i} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      await visitor.bytes(1 + random.below(length));
    }
    if (random.chance(0.5)) visitor.socket.resetAndDestroy();
    else visitor.socket.destroy();
  };
  for (let i = 0; i < 10; i += 1) await Promise.all(Array.from({ length: 20 }, (_, j) => leave(i * 20 + j)));
  await untilHolds(metricsPort, ({ requests }) => requests === 0, 5_000);
  await within(5_000, origin.idle());
  await untilHolds(metricsPort, ({ timers }) => timers <= before.timers + 2, 5_000);
});

/** A request that an agent with a home of its own is asked, and that is never answered. */
async function startWaiting(t: { after(undo: () => unknown): void }, name: string) {
  const home = temporaryFolder(t);
  const agent = await startAgent(t, ['--hub', hub.url, String(origin.port)], { HOME: home });
  const path = `/after/20000/${name}`;
  const waiting = visit({ port, host: agent.hostname, path });
  await origin.entry(path);
  return { home, agent, waiting };
}

test('an agent that is killed leaves its visitors a 502 or a 504 by the deadline', async (t) => {
  const { agent, waiting } = await startWaiting(t, 'killed');
  await agent.program.stop('SIGKILL');
  const { status, headers } = await within(2_300, waiting);
  assert.ok([502, 504].includes(status), `${status} ${headers['adit-error']}`);
});

test('an agent that is told twice to go leaves them a 502 at once', async (t) => {
  const { agent, waiting } = await startWaiting(t, 'goodbye');
  agent.program.signal('SIGTERM');
  await agent.event('note');
  agent.program.signal('SIGTERM');
  const { status, headers } = await within(700, waiting);
  assert.deepEqual([status, headers['adit-error']], [502, 'ADIT_LINK_LOST']);
});

test('an agent that starts again after it was killed serves at once, and the old requests end', async (t) => {
  const { home, agent, waiting } = await startWaiting(t, 'again');
  await agent.program.stop('SIGKILL');
  const again = temporaryFolder(t);
  mkdirSync(join(again, '.config', 'adit'), { recursive: true });
  const key = ['.config', 'adit', 'key.pem'];
  copyFileSync(join(home, ...key), join(again, ...key));
  const fresh = await startAgent(t, ['--hub', hub.url, String(origin.port)], { HOME: again });
  assert.equal(fresh.hostname, agent.hostname);
  assert.equal((await visit({ port, host: fresh.hostname, path: '/after/0' })).status, 200);
  assert.ok([502, 504].includes((await waiting).status));
});
