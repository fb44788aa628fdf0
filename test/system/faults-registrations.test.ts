import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadKey } from '#internal/agent/key';
import { holdings, untilHolds } from '../support/hub-metrics.ts';
import { startHub, temporaryFolder } from '../support/processes.ts';
import { registerAgent } from '../support/registered-agent.ts';
import { streamOrigin } from '../support/stream-origin.ts';
import { visit } from '../support/visit.ts';

for (const wires of [['v2'], ['v1'], ['v1', 'v2']] as const) {
  test(`of 20 agents that register one key at once exactly one is active (${wires.join(' and ')})`, async (t) => {
    const hub = await startHub(t, ['--metrics-listen', '127.0.0.1:0']);
    const metricsPort = Number(await hub.program.line((line) => /"metricsPort":(\d+)/.exec(line)?.[1]));
    const key = await loadKey(join(temporaryFolder(t), 'key.pem'));
    const registered = await Promise.allSettled(
      Array.from({ length: 20 }, async (_, i) => {
        const wire = wires[i % wires.length] as 'v1' | 'v2';
        return await registerAgent(t, {
          hub,
          key,
          wire,
          accept: streamOrigin(() => ({ body: Buffer.from(String(i)) })),
        });
      }),
    );
    const agents = registered.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const refusals = registered.flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : []));
    t.diagnostic(`${agents.length} were registered, ${refusals.length} told to come again`);
    for (const { message } of refusals) assert.match(message, /changes hands too often/);
    await untilHolds(metricsPort, ({ sessions, tunnels }) => sessions === 1 && tunnels === 1, 5_000);
    const [agent] = agents;
    assert.ok(agent);
    const visits = Array.from({ length: 20 }, () => visit({ port: hub.port, host: agent.hostname }));
    const answers = new Set((await Promise.all(visits)).map(({ status, text }) => `${status} ${text}`));
    assert.equal(answers.size, 1, [...answers].join());
    assert.match([...answers][0] as string, /^200 \d+$/);
    for (const { connection } of agents) connection.disconnect();
    await untilHolds(metricsPort, ({ sessions, tunnels }) => sessions === 0 && tunnels === 0, 5_000);
    assert.equal((await holdings(metricsPort)).requests, 0);
  });
}
