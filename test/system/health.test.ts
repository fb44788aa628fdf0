import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { makeCertificates } from '../support/certificate.ts';
import { hubMetrics } from '../support/hub-metrics.ts';
import { echo, startOrigin, type TestOrigin } from '../support/origin.ts';
import { freePort, startAgent, startHub, startTunnel, temporaryFolder } from '../support/processes.ts';
import { startRedis } from '../support/redis.ts';
import { Relay } from '../support/relay.ts';
import { visit } from '../support/visit.ts';

/** Listens on a port that had nobody, and ends with the test. */
async function openAgain(t: { after(undo: () => unknown): void }, { server }: TestOrigin, port: number): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
}

async function shut({ server }: TestOrigin): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}

test('a service that is stopped degrades its tunnel with the reason, and one that is back heals it', async (t) => {
  const origin = await startOrigin(t, echo, await freePort());
  const { hub, agent, port, host } = await startTunnel(t, origin.port);
  assert.equal((await visit({ port, host })).status, 200);
  await shut(origin);
  const from = agent.program.lines.length;
  const startedAt = performance.now();
  assert.equal((await visit({ port, host })).status, 502);
  const { reason } = await agent.event('degraded', from);
  assert.match(String(reason), new RegExp(`nothing answers at localhost:${origin.port}: .*ECONNREFUSED`));
  assert.ok(performance.now() - startedAt < 5_000);
  await hub.program.line((line) => /"msg":"an agent is degraded"/.exec(line)?.[0]);
  const openedAt = performance.now();
  await openAgain(t, origin, origin.port);
  const { url } = await agent.event('online', from);
  assert.equal(url, agent.url);
  assert.ok(performance.now() - openedAt < 6_000);
  await hub.program.line((line) => /"msg":"an agent is online"/.exec(line)?.[0]);
});

test('an agent whose service is not there yet is online, and says at once what is missing', async (t) => {
  const hub = await startHub(t);
  const agent = await startAgent(t, ['--hub', hub.url, String(await freePort())]);
  assert.match(String((await agent.event('degraded')).reason), /nothing answers/);
});

test('an origin is never sent a request that nobody made', async (t) => {
  const origin = await startOrigin(t);
  const { agent, port, host } = await startTunnel(t, origin.port, { hubArgs: ['--log-level', 'debug'] });
  assert.equal((await visit({ port, host, path: '/one' })).status, 200);
  // One with a nonce that is not ours is a request like any other.
  assert.equal((await visit({ port, host, path: `/.well-known/adit/probe/${'n'.repeat(22)}` })).status, 200);
  assert.deepEqual(origin.journal, ['GET /one', `GET /.well-known/adit/probe/${'n'.repeat(22)}`]);
  assert.ok(!agent.program.lines.some((line) => line.includes('degraded')));
});

test('the metrics count agents by state, and no probes', async (t) => {
  const metricsPort = await freePort();
  const { agent } = await startTunnel(t, await freePort(), {
    hubArgs: ['--metrics-listen', `127.0.0.1:${metricsPort}`],
  });
  await agent.event('degraded');
  let text = '';
  while (!text.includes('adit_agents{state="degraded"} 1')) {
    ({ text } = await visit({ port: metricsPort, host: 'metrics', path: '/metrics' }));
  }
  assert.match(text, /adit_agents\{state="online"\} 0/);
  assert.match(text, /adit_agents\{state="parked"\} 0/);
  assert.match(text, /adit_requests_total\{status="2xx"\} 0/);
});

test('a probe whose way leads over another hub is no request there either', async (t) => {
  const origin = await startOrigin(t);
  const redis = await startRedis(t);
  const metricsPort = await freePort();
  const shared = ['--redis', redis.url];
  const far = await startHub(t, [...shared, '--metrics-listen', `127.0.0.1:${metricsPort}`]);
  const front = await Relay.start(t, [far.port]);
  const near = await startHub(t, [...shared, '--probe-url', `http://127.0.0.1:${front.port}`]);
  const from = near.program.lines.length;
  const agent = await startAgent(t, ['--hub', near.url, String(origin.port)]);
  while (front.connectionCount === 0 || front.openCount > 0) await hubMetrics(metricsPort);
  const metrics = await hubMetrics(metricsPort);
  assert.equal(metrics.get('adit_requests_total{status="2xx"}'), 0);
  assert.equal(metrics.get('adit_limiter_asks_total{outcome="answered"}'), 0);
  assert.deepEqual(origin.journal, []);
  assert.ok(!near.program.lines.slice(from).some((line) => line.includes('degraded')));
  assert.equal((await visit({ port: far.port, host: agent.hostname })).status, 200);
});

test('a tunnel that visitors do not reach where the hub was told that they come is degraded, until they do', async (t) => {
  const origin = await startOrigin(t);
  const [port, front] = [await freePort(), await freePort()];
  const { certPath, keyPath, caPath } = makeCertificates(temporaryFolder(t));
  const names = ['--listen', `127.0.0.1:${port}`, '--base', `https://localhost:${port}`, '--domain', 'tunnel.test'];
  const tls = ['--tls-cert', certPath, '--tls-key', keyPath];
  const hub = await startHub(t, [...names, ...tls, '--probe-url', `https://127.0.0.1:${front}`]);
  const agent = await startAgent(t, ['--hub', hub.url, '--hub-ca', caPath, String(origin.port)]);
  const { reason } = await agent.event('degraded');
  assert.match(
    String(reason),
    /visitors do not reach this tunnel: https:\/\/127\.0\.0\.1:\d+ cannot be asked: .*ECONNREFUSED/,
  );
  const from = agent.program.lines.length;
  const server = createServer((socket) => {
    const through = connect(port, '127.0.0.1');
    socket.pipe(through).pipe(socket);
    for (const end of [socket, through]) end.on('error', () => through.destroy());
  }).listen(front, '127.0.0.1');
  t.after(() => server.close());
  await agent.event('online', from);
  assert.deepEqual(origin.journal, []);
});
