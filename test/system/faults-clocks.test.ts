import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { skewedClock, withoutFakeTime } from '../support/clock-skew.ts';
import { JournalOrigin } from '../support/journal-origin.ts';
import { spawnAgent, startAgent, startHub, temporaryFolder } from '../support/processes.ts';
import { visit } from '../support/visit.ts';

const origin = await JournalOrigin.start({ after });

describe('clocks that are wrong', { skip: withoutFakeTime, concurrency: true }, () => {
  for (const by of ['+1h', '-1h']) {
    test(`an agent whose clock is ${by} off registers by wire v2`, async (t) => {
      const hub = await startHub(t);
      const agent = await startAgent(t, ['--hub', hub.url, String(origin.port)], skewedClock({ by }));
      assert.equal((await visit({ port: hub.port, host: agent.hostname, path: '/hash' })).status, 200);
    });

    test(`by wire v1 it is told to set its clock right (${by})`, async (t) => {
      const hub = await startHub(t);
      const args = ['--hub', hub.url, '--wire', 'v1', String(origin.port)];
      const agent = spawnAgent(t, args, skewedClock({ by }));
      assert.equal((await agent.exited).code, 4);
      assert.match(agent.stderr, /set the clocks right/);
    });
  }

  test('a hub whose clock jumps two hours back keeps its deadlines, its tunnels and its limits', async (t) => {
    const file = join(temporaryFolder(t), 'clock');
    writeFileSync(file, '+0\n');
    const hub = await startHub(t, ['--timeout', '1s'], skewedClock({ file }));
    const agents = await Promise.all(
      ['v1', 'v2'].map((wire) => startAgent(t, ['--hub', hub.url, '--wire', wire, String(origin.port)])),
    );
    const waiting = agents.map(async ({ hostname }) => {
      return await visit({ port: hub.port, host: hostname, path: '/after/5000' });
    });
    writeFileSync(file, '-2h\n');
    const startedAt = performance.now();
    for (const { status } of await Promise.all(waiting)) assert.equal(status, 504);
    assert.ok(performance.now() - startedAt < 2_500);
    for (const { hostname } of agents) {
      const { status, headers } = await visit({ port: hub.port, host: hostname, path: '/hash' });
      assert.equal(status, 200);
      assert.ok(Date.now() - Date.parse(String(headers.date)) < 60_000, 'the origin says what time it is');
    }
    assert.equal((await visit({ port: hub.port, host: 'localhost', path: '/healthz' })).status, 200);
    const own = await visit({ port: hub.port, host: 'localhost', path: '/healthz' });
    assert.ok(Date.now() - Date.parse(String(own.headers.date)) > 7_000_000, 'the clock has not jumped');
  });
});
