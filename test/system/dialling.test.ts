import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, test } from 'node:test';
import { makeCertificates } from '../support/certificate.ts';
import { startOrigin } from '../support/origin.ts';
import {
  type Cleanup,
  freePort,
  type HubProcess,
  spawnAgent,
  startAgent,
  startHub,
  temporaryFolder,
} from '../support/processes.ts';
import { visit } from '../support/visit.ts';

const origin = await startOrigin({ after });
const { certPath, keyPath, caPath, caPem } = makeCertificates(temporaryFolder({ after }));

/** A hub that speaks TLS, with a domain for which Node takes a wildcard: `*.localhost` is too wide for it. */
async function startTlsHub(t: Cleanup): Promise<HubProcess> {
  const port = await freePort();
  const names = ['--listen', `127.0.0.1:${port}`, '--base', `https://localhost:${port}`, '--domain', 'tunnel.test'];
  return await startHub(t, [...names, '--tls-cert', certPath, '--tls-key', keyPath]);
}

/** A proxy that dials whatever it is asked to, and notes it. */
async function startProxy(t: Cleanup): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer().listen(0, '127.0.0.1');
  server.on('connect', (request, socket) => {
    asked.push(`${request.method} ${request.url}`);
    const through = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(through).pipe(socket);
    });
    for (const end of [socket, through]) end.on('error', () => through.destroy());
    t.after(() => socket.destroy());
  });
  await once(server, 'listening');
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

test('an agent dials a hub through the proxy that HTTPS_PROXY names, unless NO_PROXY exempts the hub', async (t) => {
  const hub = await startTlsHub(t);
  const proxy = await startProxy(t);
  const args = ['--hub', hub.url, '--hub-ca', caPath, String(origin.port)];
  const agent = await startAgent(t, args, { HTTPS_PROXY: proxy.url });
  assert.deepEqual(proxy.asked, [`CONNECT localhost:${hub.port}`]);
  assert.equal((await visit({ port: hub.port, host: agent.hostname, ca: caPem })).status, 200);
  const direct = await startAgent(t, args, { HTTPS_PROXY: proxy.url, NO_PROXY: 'elsewhere.test,localhost' });
  assert.equal(proxy.asked.length, 1);
  assert.equal((await visit({ port: hub.port, host: direct.hostname, ca: caPem })).status, 200);
});

test('HTTP_PROXY is for hubs without TLS', async (t) => {
  const hub = await startHub(t);
  const proxy = await startProxy(t);
  const env = { HTTP_PROXY: proxy.url, HTTPS_PROXY: 'http://127.0.0.1:1' };
  const agent = await startAgent(t, ['--hub', hub.url, String(origin.port)], env);
  assert.deepEqual(proxy.asked, [`CONNECT localhost:${hub.port}`]);
  assert.equal((await visit({ port: hub.port, host: agent.hostname })).status, 200);
});

test('an agent whose hub is not there says so, keeps trying, and is online once it is', async (t) => {
  const port = await freePort();
  const agent = spawnAgent(t, ['--hub', `http://localhost:${port}`, String(origin.port)]);
  for (let attempts = 0; attempts < 2; attempts += 1) {
    const from = agent.lines.length;
    const reason = await agent.line((line) => /"offline","reason":"(.*?)"/.exec(line)?.[1], from);
    assert.match(reason, new RegExp(`cannot connect to the hub http://localhost:${port}`));
  }
  await startHub(t, ['--listen', `127.0.0.1:${port}`]);
  await agent.line((line) => (line.includes('"online"') ? line : undefined));
});

test('an agent that dials something else than a hub says what it found', async (t) => {
  const other = await startOrigin(t);
  other.server.removeAllListeners('upgrade');
  const agent = spawnAgent(t, ['--hub', `http://localhost:${other.port}`, '3000']);
  const reason = await agent.line((line) => /"offline","reason":"(.*?)"/.exec(line)?.[1]);
  assert.match(reason, /is it a hub\?/);
});

test('an agent does not talk to a hub whose certificate it has no reason to trust', async (t) => {
  const hub = await startTlsHub(t);
  const agent = spawnAgent(t, ['--hub', hub.url, String(origin.port)]);
  const reason = await agent.line((line) => /"offline","reason":"(.*?)"/.exec(line)?.[1]);
  assert.match(reason, /certificate/);
});
