import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { type Cleanup, freePort, spawnAgent, startHub } from '../support/processes.ts';

/** Something that answers every websocket handshake, or CONNECT, with this head. Gives its URL and when it was asked. */
async function startAnswering(t: Cleanup, head: string): Promise<{ url: string; port: number; askedAt: number[] }> {
  const askedAt: number[] = [];
  const answer = (_request: IncomingMessage, socket: Duplex): void => {
    askedAt.push(performance.now());
    socket.on('error', () => undefined);
    socket.end(`HTTP/1.1 ${head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  };
  const server = createServer().on('upgrade', answer).on('connect', answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, askedAt };
}

interface Offline {
  event: string;
  reason: string;
  retryInMs: number;
}

test('an agent waits for as long as Retry-After asks', async (t) => {
  const { url } = await startAnswering(t, '503 Service Unavailable\r\nRetry-After: 7');
  const agent = spawnAgent(t, ['--hub', url, '3000']);
  const offline = await agent.line((line) => (line.includes('"offline"') ? (JSON.parse(line) as Offline) : undefined));
  assert.match(offline.reason, /answered 503.*try again later/);
  assert.ok(offline.retryInMs >= 7_000 && offline.retryInMs <= 7_100, String(offline.retryInMs));
});

test('a short Retry-After is waited for, and then the hub is dialled again', async (t) => {
  const { url, askedAt } = await startAnswering(t, '429 Too Many Requests\r\nRetry-After: 1');
  const agent = spawnAgent(t, ['--hub', url, '--wire', 'v2', '3000']);
  await agent.line((line) => line.includes('"offline"') || undefined);
  const from = agent.lines.length;
  await agent.line((line) => line.includes('"offline"') || undefined, from);
  const [first = 0, second = 0] = askedAt;
  assert.ok(second - first >= 1_000, String(second - first));
});

test('credentials that an agent does not have end it', async (t) => {
  const { url } = await startAnswering(t, '401 Unauthorized');
  const agent = spawnAgent(t, ['--hub', url, '3000']);
  assert.deepEqual(await agent.exited, { code: 4, signal: null });
  assert.match(agent.stderr, /answered 401.*does not let this agent pass/);
});

test('a proxy that wants credentials is named as the one that refuses, and ends the agent', async (t) => {
  const hub = await startHub(t);
  const proxy = await startAnswering(t, '407 Proxy Authentication Required\r\nProxy-Authenticate: Basic');
  const agent = spawnAgent(t, ['--hub', hub.url, '3000'], { HTTP_PROXY: proxy.url });
  assert.deepEqual(await agent.exited, { code: 4, signal: null });
  assert.match(agent.stderr, new RegExp(`the proxy 127\\.0\\.0\\.1:${proxy.port} itself answered 407`));
});

test('a proxy that does not reach the hub is named, and asked again', async (t) => {
  const proxy = await startAnswering(t, '502 Bad Gateway');
  const hub = `https://localhost:${await freePort()}`;
  const agent = spawnAgent(t, ['--hub', hub, '3000'], { HTTPS_PROXY: proxy.url });
  for (let attempts = 0; attempts < 2; attempts += 1) {
    const from = agent.lines.length;
    const reason = await agent.line((line) => /"offline","reason":"(.*?)"/.exec(line)?.[1], from);
    assert.match(reason, /the proxy 127\.0\.0\.1:\d+ itself answered 502/);
  }
});
