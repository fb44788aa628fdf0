import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { makeCertificates } from '../support/certificate.ts';
import { hubMetrics } from '../support/hub-metrics.ts';
import { startOrigin } from '../support/origin.ts';
import {
  type AgentProcess,
  freePort,
  type HubProcess,
  startAgent,
  startHub,
  temporaryFolder,
} from '../support/processes.ts';
import { startRedis } from '../support/redis.ts';
import { visit } from '../support/visit.ts';
import { nginx } from '../support/web-servers.ts';

const agentCount = 4;

interface Behind {
  hubs: [HubProcess, HubProcess];
  metricsPorts: [number, number];
  agents: AgentProcess[];
  /** The status of one visit to an agent, by way of nginx. */
  ask(agent: AgentProcess): Promise<number>;
}

/** Two hubs of one machine behind nginx, with the configuration that we ship and one line more. */
async function startBehind(t: TestContext): Promise<Behind> {
  const folder = temporaryFolder(t);
  const certificates = makeCertificates(folder);
  const redis = await startRedis(t);
  const [httpPort, httpsPort] = [await freePort(), await freePort()];
  const base = `https://localhost:${httpsPort}`;
  const metricsPorts: [number, number] = [await freePort(), await freePort()];
  const start = async (metricsPort: number): Promise<HubProcess> => {
    const names = ['--base', base, '--domain', 'tunnel.test', '--trusted-proxies', 'loopback', '--drain', '5s'];
    return await startHub(t, [...names, '--redis', redis.url, '--metrics-listen', `127.0.0.1:${metricsPort}`]);
  };
  const hubs: Behind['hubs'] = [await start(metricsPorts[0]), await start(metricsPorts[1])];
  const [{ port: hubPort }, { port: otherPort }] = hubs;
  await nginx.start(t, { folder, certificates, httpPort, httpsPort, hubPort, otherPorts: [otherPort] });
  const origin = await startOrigin(t);
  const agents: AgentProcess[] = [];
  for (let i = 0; i < agentCount; i += 1) {
    agents.push(await startAgent(t, ['--hub', base, '--hub-ca', certificates.caPath, String(origin.port)]));
  }
  const ca = certificates.caPem;
  return {
    hubs,
    metricsPorts,
    agents,
    ask: async ({ url }) => (await visit({ port: httpsPort, host: new URL(url).host, ca })).status,
  };
}

test('agents of several hubs behind nginx are spread over them, and every one is reached', async (t) => {
  const { metricsPorts, agents, ask } = await startBehind(t);
  const counts = await Promise.all(metricsPorts.map(async (port) => (await hubMetrics(port)).get('adit_sessions')));
  assert.deepEqual(counts, [agentCount / 2, agentCount / 2]);
  for (const agent of [...agents, ...agents]) assert.equal(await ask(agent), 200);
});

test('a hub behind nginx that is stopped loses no request, and its agents go on at the other', async (t) => {
  const { hubs, metricsPorts, agents, ask } = await startBehind(t);
  const statuses: number[] = [];
  let isOver = false;
  const visitors = agents.map(async (agent) => {
    while (!isOver) statuses.push(await ask(agent));
  });
  hubs[0].program.signal('SIGTERM');
  assert.equal((await hubs[0].program.exited).code, 0);
  for (const agent of agents) assert.equal(await ask(agent), 200);
  isOver = true;
  await Promise.all(visitors);
  assert.deepEqual(
    statuses.filter((status) => status !== 200),
    [],
  );
  assert.ok(statuses.length > agentCount);
  assert.equal((await hubMetrics(metricsPorts[1])).get('adit_sessions'), agentCount);
});
