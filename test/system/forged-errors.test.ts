import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, test } from 'node:test';
import { listening } from '../support/listening.ts';
import { startOrigin } from '../support/origin.ts';
import { startAgent, startTunnel } from '../support/processes.ts';
import { visit } from '../support/visit.ts';

const origin = await startOrigin({ after }, (_request, response) => {
  response.writeHead(200, { 'Adit-Error': 'ADIT_INTERNAL', 'Adit-Anything': 'x', 'X-Own': 'kept' }).end('fine');
});
const { hub, port, host } = await startTunnel({ after }, origin.port);

async function publish(t: { after(undo: () => unknown): void }, originPort: number): Promise<string> {
  const agent = await startAgent(t, ['--hub', hub.url, `127.0.0.1:${originPort}`]);
  return `${agent.hostname}:${port}`;
}

test('an error that a service forges is stripped, and its other fields are not', async () => {
  const { status, headers, text } = await visit({ port, host });
  assert.deepEqual([status, text], [200, 'fine']);
  assert.equal(headers['adit-error'], undefined);
  assert.equal(headers['adit-anything'], undefined);
  assert.equal(headers['x-own'], 'kept');
});

test('with nothing behind the tunnel the visitor hears so at once', async (t) => {
  const free = await listening(
    t,
    createServer((socket) => socket.destroy()),
  );
  const asked = await publish(t, free);
  const gone = await startOrigin(t);
  gone.server.close();
  const nothing = await publish(t, gone.port);
  const startedAt = performance.now();
  const { status, headers, text } = await visit({ port, host: nothing });
  assert.equal(status, 502);
  assert.equal(headers['adit-error'], 'ADIT_ORIGIN_UNREACHABLE');
  assert.equal((JSON.parse(text) as { error: { leg: string } }).error.leg, 'origin');
  assert.match(text, new RegExp(`127\\.0\\.0\\.1:${gone.port}`));
  assert.ok(performance.now() - startedAt < 2_000);
  assert.equal((await visit({ port, host: asked })).headers['adit-error'], 'ADIT_ORIGIN_FAILED');
});
