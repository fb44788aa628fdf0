import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { deployed } from '../support/deployed.ts';
import { hubMetrics } from '../support/hub-metrics.ts';
import { listening } from '../support/listening.ts';
import { startOrigin } from '../support/origin.ts';
import { freePort, startAgent, startHub } from '../support/processes.ts';
import { startRedis } from '../support/redis.ts';
import { Relay } from '../support/relay.ts';
import { visit } from '../support/visit.ts';

type Series = Map<string, number>;

const origin = await startOrigin({ after });

/** Waits until a hub's metrics are so. */
async function until(metricsPort: number, isSo: (value: (name: string) => number) => boolean): Promise<Series> {
  for (;;) {
    const metrics = await hubMetrics(metricsPort);
    if (isSo((name) => metrics.get(name) ?? Number.NaN)) return metrics;
    await setTimeout(20);
  }
}

async function health(port: number, path: '/readyz' | '/healthz'): Promise<{ status: number; text: string }> {
  return await visit({ port, host: '127.0.0.1', path });
}

const clusterSeries = [
  'adit_bus_dropped_total',
  'adit_bus_lag_seconds',
  'adit_bus_nodes_gone_total',
  'adit_bus_published_total',
  'adit_bus_received_total',
  'adit_bus_reconnects_total',
  'adit_bus_stale_total',
  'adit_directory_leases_total{outcome="failed"}',
  'adit_directory_leases_total{outcome="renewed"}',
  'adit_limiter_asks_total{outcome="answered"}',
  'adit_limiter_asks_total{outcome="unanswered"}',
  'adit_sessions_moved_total',
];

test('hubs that share a Redis count what passes between them', async (t) => {
  const redis = await startRedis(t);
  const agents = await Relay.start(t);
  const start = async () => {
    const metricsPort = await freePort();
    const metrics = ['--metrics-listen', `127.0.0.1:${metricsPort}`];
    const base = ['--base', `http://localhost:${agents.port}`];
    const hub = await startHub(t, [...metrics, ...base, '--redis', redis.url]);
    return { hub, port: hub.port, metricsPort };
  };
  const [near, far] = [await start(), await start()];
  agents.targets = [near.port];
  const agent = await startAgent(t, ['--hub', `http://localhost:${agents.port}`, String(origin.port)]);
  assert.equal((await visit({ port: far.port, host: agent.hostname })).status, 200);

  for (const { metricsPort } of [near, far]) {
    const metrics = await hubMetrics(metricsPort);
    assert.deepEqual(
      clusterSeries.filter((name) => !metrics.has(name)),
      [],
    );
    assert.ok((metrics.get('adit_bus_published_total') ?? 0) > 0);
    assert.ok((metrics.get('adit_bus_received_total') ?? 0) > 0);
    const names = new Set([...metrics.keys()].map((name) => name.replace(/(_bucket|_sum|_count)?(\{.*)?$/, '')));
    const guide = deployed('README.md');
    assert.deepEqual(
      [...names].filter((name) => name.startsWith('adit_') && !guide.includes(`\`${name}\``)),
      [],
    );
    assert.equal(metrics.get('adit_bus_stale_total'), 0);
    assert.equal(metrics.get('adit_bus_unreadable_total'), 0);
    const lag = metrics.get('adit_bus_lag_seconds') ?? Number.NaN;
    assert.ok(lag >= 0 && lag < 1, `a lag of ${lag} s`);
  }
  assert.equal((await hubMetrics(far.metricsPort)).get('adit_limiter_asks_total{outcome="answered"}'), 1);

  await t.test('a session that lost its connection was parked, and resumed at another hub it has moved', async () => {
    agents.targets = [far.port];
    agents.cut();
    await until(near.metricsPort, (value) => value('adit_sessions_parked_total') === 1);
    const metrics = await until(far.metricsPort, (value) => value('adit_sessions_resumed_total') === 1);
    assert.equal(metrics.get('adit_sessions_moved_total'), 1);
    assert.equal((await visit({ port: near.port, host: agent.hostname })).status, 200);
  });

  await t.test('a Redis that was away has cost connections, and leases are renewed when it is back', async () => {
    await redis.stop();
    await redis.start();
    await until(far.metricsPort, (value) => {
      return value('adit_bus_reconnects_total') > 0 && value('adit_directory_leases_total{outcome="renewed"}') > 0;
    });
  });

  await t.test('a hub that leaves is counted', async () => {
    near.hub.program.signal('SIGTERM');
    await near.hub.program.exited;
    await until(far.metricsPort, (value) => value('adit_bus_nodes_gone_total') === 1);
  });
});

test('a hub that stands alone has no series about others', async (t) => {
  const metricsPort = await freePort();
  await startHub(t, ['--metrics-listen', `127.0.0.1:${metricsPort}`]);
  const metrics = await hubMetrics(metricsPort);
  assert.deepEqual(
    clusterSeries.filter((name) => metrics.has(name)),
    [],
  );
  for (const name of ['adit_sessions_parked_total', 'adit_sessions_resumed_total']) assert.equal(metrics.get(name), 0);
  for (const what of ['asked', 'sent']) assert.equal(metrics.get(`adit_lane_repairs_total{what="${what}"}`), 0);
});

test('a hub that starts says so at /readyz, then why Redis does not answer; it is alive all the while', async (t) => {
  // Takes connections and says nothing.
  const silent = createServer((socket) => socket.on('error', () => undefined));
  const redisPort = await listening(t, silent);
  const metricsPort = await freePort();
  const metrics = ['--metrics-listen', `127.0.0.1:${metricsPort}`];
  const started = startHub(t, [...metrics, '--redis', `redis://127.0.0.1:${redisPort}`]);
  let first: { status: number; text: string } | undefined;
  while (!first) first = await health(metricsPort, '/readyz').catch(() => setTimeout(20, undefined));
  assert.deepEqual([first.status, JSON.parse(first.text)], [503, { status: 'not ready', reason: 'starting' }]);
  assert.equal((await health(metricsPort, '/healthz')).status, 200);
  const hub = await started;
  for (const port of [hub.port, metricsPort]) {
    const { status, text } = await health(port, '/readyz');
    assert.equal(status, 503);
    assert.match(text, new RegExp(`redis 127\\.0\\.0\\.1:${redisPort} cannot be reached`));
    assert.equal((await health(port, '/healthz')).status, 200);
  }
});
