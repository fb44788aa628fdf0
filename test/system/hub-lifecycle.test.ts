import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startOrigin } from '../support/origin.ts';
import { type Cleanup, freePort, startHub, startTunnel, type Tunnel } from '../support/processes.ts';
import { type Visit, visit } from '../support/visit.ts';

interface Busy extends Tunnel {
  /** The request for `/slow` that waits for `release`. */
  slow: Promise<Visit>;
  release(): void;
}

/** A tunnel with one request under way. */
async function startBusy(t: Cleanup): Promise<Busy> {
  let release = (): void => undefined;
  let arrive = (): void => undefined;
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const origin = await startOrigin(t, (request, response) => {
    if (request.url !== '/slow') {
      response.end('at once');
      return;
    }
    release = () => void response.end('late');
    arrive();
  });
  const tunnel = await startTunnel(t, origin.port);
  const slow = visit({ port: tunnel.port, host: tunnel.host, path: '/slow' });
  await arrived;
  return { ...tunnel, slow, release: () => release() };
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`on ${signal} a hub says that it is not ready, serves whoever comes, finishes all and exits with 0`, async (t) => {
    const { hub, host, port, slow, release } = await startBusy(t);
    hub.program.signal(signal);
    await hub.program.line((line) => line.includes('finishing what is under way') || undefined);
    const health = await visit({ port, host: 'localhost', path: '/readyz' });
    assert.deepEqual([health.status, JSON.parse(health.text).reason], [503, 'shutting down']);
    const next = await visit({ port, host });
    assert.deepEqual([next.status, next.text, next.headers.connection], [200, 'at once', 'close']);
    release();
    const { status, text, headers } = await slow;
    assert.deepEqual([status, text, headers.connection], [200, 'late', 'close']);
    assert.deepEqual(await hub.program.exited, { code: 0, signal: null });
  });
}

test('a second signal ends a hub at once', async (t) => {
  const { hub, slow } = await startBusy(t);
  const failed = assert.rejects(slow, { code: 'ECONNRESET' });
  hub.program.signal('SIGTERM');
  await hub.program.line((line) => line.includes('finishing what is under way') || undefined);
  const startedAt = performance.now();
  hub.program.signal('SIGTERM');
  const { signal } = await hub.program.exited;
  assert.equal(signal, null);
  assert.ok(performance.now() - startedAt < 2_000);
  await failed;
});

test('an idle hub exits at once and its agents keep trying', async (t) => {
  const origin = await startOrigin(t);
  const { hub, agent } = await startTunnel(t, origin.port);
  const startedAt = performance.now();
  assert.deepEqual(await hub.program.stop('SIGTERM'), { code: 0, signal: null });
  assert.ok(performance.now() - startedAt < 2_000);
  assert.match(String((await agent.event('offline')).reason), /1012/);
});

test('an agent is back within three seconds of a hub that starts again', async (t) => {
  const origin = await startOrigin(t);
  const listen = ['--listen', `127.0.0.1:${await freePort()}`];
  const { hub, agent, host, port } = await startTunnel(t, origin.port, { hubArgs: listen });
  await hub.program.stop('SIGKILL');
  await agent.event('offline');
  const from = agent.program.lines.length;
  await startHub(t, listen);
  const listeningAt = performance.now();
  const { hostname } = await agent.event('online', from);
  assert.ok(performance.now() - listeningAt < 3_000);
  assert.equal(hostname, agent.hostname);
  assert.equal((await visit({ port, host })).status, 200);
});
