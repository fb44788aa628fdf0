import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { startOrigin } from '../support/origin.ts';
import { type Cleanup, startTunnel, type Tunnel } from '../support/processes.ts';
import { type Visit, visit } from '../support/visit.ts';

interface Busy extends Tunnel {
  /** The request that waits for `release`. */
  slow: Promise<Visit>;
  release(): void;
}

/** A tunnel with one request under way, of which the head and a part of the body have come. */
async function startBusy(t: Cleanup, wire: 'v1' | 'v2'): Promise<Busy> {
  let release = (): void => undefined;
  let arrive = (): void => undefined;
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const origin = await startOrigin(t, (request, response) => {
    if (request.url === '/late') {
      response.end('in time');
      return;
    }
    response.write('some ');
    release = () => void response.end('more');
    arrive();
  });
  const tunnel = await startTunnel(t, origin.port, { agentArgs: ['--wire', wire] });
  const slow = visit({ port: tunnel.port, host: tunnel.host });
  await arrived;
  return { ...tunnel, slow, release: () => release() };
}

for (const wire of ['v1', 'v2'] as const) {
  test(`an agent finishes what is under way on SIGTERM, takes nothing new, and exits with 0 (${wire})`, async (t) => {
    const { agent, port, host, slow, release } = await startBusy(t, wire);
    agent.program.signal('SIGTERM');
    // Wire v1 has no word for it, so the agent itself refuses; with v2 the hub knows.
    const expected = wire === 'v1' ? 503 : 502;
    let late = 200;
    // Until the signal has arrived, and its news at the hub.
    while (late === 200) late = (await visit({ port, host, path: '/late' })).status;
    assert.equal(late, expected);
    release();
    const { status, text } = await slow;
    assert.deepEqual([status, text], [200, 'some more']);
    assert.deepEqual(await agent.program.exited, { code: 0, signal: null });
  });
}

test('a second signal ends an agent at once', async (t) => {
  const { agent, slow } = await startBusy(t, 'v2');
  const failed = assert.rejects(slow);
  agent.program.signal('SIGINT');
  await agent.event('note');
  const startedAt = performance.now();
  agent.program.signal('SIGINT');
  const { signal } = await agent.program.exited;
  assert.equal(signal, null);
  assert.ok(performance.now() - startedAt < 2_000);
  await failed;
});

test('an agent does not wait for websockets: they have no end', async (t) => {
  const origin = await startOrigin(t);
  const { agent, port, host } = await startTunnel(t, origin.port);
  const websocket = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { Host: host } });
  t.after(() => websocket.terminate());
  await new Promise((resolve) => websocket.once('open', resolve));
  const startedAt = performance.now();
  assert.deepEqual(await agent.program.stop('SIGTERM'), { code: 0, signal: null });
  assert.ok(performance.now() - startedAt < 3_000);
});
