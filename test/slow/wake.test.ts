import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as pass } from 'node:timers/promises';
import { spawnAgent } from '../support/processes.ts';

test('an agent that wakes from sleep dials at once, whatever it was waiting for', async (t) => {
  let asked = (): void => undefined;
  const server = createServer().on('upgrade', (_request, socket) => {
    socket.on('error', () => undefined);
    socket.end('HTTP/1.1 503 Service Unavailable\r\nRetry-After: 600\r\nContent-Length: 0\r\n\r\n');
    asked();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const agent = spawnAgent(t, ['--hub', `http://127.0.0.1:${(server.address() as AddressInfo).port}`, '3000']);
  await agent.line((line) => line.includes('"offline"') || undefined);
  const again = new Promise<void>((resolve) => {
    asked = resolve;
  });
  agent.signal('SIGSTOP');
  // Longer than a machine that is merely busy may take.
  await pass(8_000);
  agent.signal('SIGCONT');
  const wokenAt = performance.now();
  await again;
  assert.ok(performance.now() - wokenAt < 2_000);
});
