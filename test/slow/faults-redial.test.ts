import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { percentile } from '../support/figures.ts';
import { hubMetrics } from '../support/hub-metrics.ts';
import { freePort, Program, startHub, temporaryFolder } from '../support/processes.ts';

const agentCount = 2_000;
/** How soon 99 of 100 are back. */
const backMs = 5_000;
/** How long the hub's event loop may be held up meanwhile. */
const lagSeconds = 0.2;

const bareAgents = fileURLToPath(new URL('../support/bare-agents.ts', import.meta.url));
const port = await freePort();
const args = ['--listen', `127.0.0.1:${port}`, '--metrics-listen', '127.0.0.1:0', '--log-level', 'info'];

async function start() {
  const hub = await startHub({ after }, args);
  return { hub, metricsPort: Number(await hub.program.line((line) => /"metricsPort":(\d+)/.exec(line)?.[1])) };
}

for (const wire of ['v2', 'v1']) {
  test(`${agentCount} agents that redial at once are soon back (${wire})`, async (t) => {
    const { hub } = await start();
    const keyPath = join(temporaryFolder(t), 'key.pem');
    // The hub alone is measured: agents of this process would wait for each other.
    const agents = new Program(bareAgents, [hub.url, wire, `${agentCount}`, keyPath]);
    t.after(() => agents.stop());
    const whenOnline = (line: string): number[] | undefined =>
      line.startsWith('[') ? (JSON.parse(line) as number[]) : undefined;
    await agents.line(whenOnline);
    await hub.program.stop('SIGKILL');
    const { hub: again, metricsPort } = await start();
    const listeningAt = performance.timeOrigin + performance.now();
    // The lag is measured anew from each reading on: the start of the program is none.
    await hubMetrics(metricsPort);
    const times = (await agents.line(whenOnline, 1)).map((at) => at - listeningAt);
    const lag = (await hubMetrics(metricsPort)).get('nodejs_eventloop_lag_p99_seconds') ?? 0;
    t.diagnostic(`99 % were back after ${percentile(times, 0.99).toFixed(0)} ms; the loop lagged ${lag} s (p99)`);
    assert.ok(percentile(times, 0.99) <= backMs);
    assert.ok(lag < lagSeconds);
    assert.equal(again.program.process.exitCode, null);
    await again.program.stop('SIGKILL');
  });
}
