import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { spawnAgent } from '../support/processes.ts';

test('an agent behind a proxy that never answers can be stopped', async (t) => {
  const proxy = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const asked = once(proxy, 'connection');
  const agent = spawnAgent(t, ['--hub', 'https://hub.invalid', '3000'], { https_proxy: url, HTTPS_PROXY: url });
  const [socket] = await asked;
  t.after(() => {
    socket.destroy();
    proxy.close();
  });
  agent.signal('SIGTERM');
  const { code } = await agent.exited;
  assert.equal(code, 0);
});

test('a proxy that is none is named, and nothing is dialled', async (t) => {
  const agent = spawnAgent(t, ['--hub', 'https://hub.invalid', '3000'], { https_proxy: 'socks5://127.0.0.1:1' });
  const { code } = await agent.exited;
  assert.equal(code, 2);
  assert.match(agent.stderr, /socks5:\/\/127\.0\.0\.1:1/);
});
