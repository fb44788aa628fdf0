import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import { test } from 'node:test';
import { makeCertificates } from '../support/certificate.ts';
import { startOrigin } from '../support/origin.ts';
import {
  type Cleanup,
  freePort,
  type HubProcess,
  startAgent,
  startHub,
  startTunnel,
  temporaryFolder,
} from '../support/processes.ts';
import { RawVisitor } from '../support/raw-visitor.ts';
import { visit } from '../support/visit.ts';

interface Draining {
  hub: HubProcess;
  host: string;
  ca?: string;
}

const args = ['--drain', '4s', '--rate-limit', 'off'];
const starts: Record<string, (t: Cleanup, originPort: number) => Promise<Draining>> = {
  plain: async (t, originPort) => await startTunnel(t, originPort, { hubArgs: args }),
  TLS: async (t, originPort) => {
    const { certPath, keyPath, caPath, caPem } = makeCertificates(temporaryFolder(t));
    const port = await freePort();
    const names = ['--listen', `127.0.0.1:${port}`, '--domain', 'tunnel.test', '--base', `https://localhost:${port}`];
    const hub = await startHub(t, [...names, '--tls-cert', certPath, '--tls-key', keyPath, ...args]);
    const agent = await startAgent(t, ['--hub', hub.url, '--hub-ca', caPath, String(originPort)]);
    return { hub, host: agent.hostname, ca: caPem };
  },
};
for (const [transport, start] of Object.entries(starts)) {
  test(`over ${transport}, visitors that come again and again lose nothing, until nobody listens any more`, async (t) => {
    const body = 'x'.repeat(2_000);
    const origin = await startOrigin(t, (_request, response) => response.end(body));
    const { hub, host, ca } = await start(t, origin.port);
    let answerCount = 0;
    let lastCount = 0;
    const visitors = Array.from({ length: 30 }, async () => {
      const options = { keepAlive: true, maxSockets: 1 };
      const agent = ca === undefined ? new http.Agent(options) : new https.Agent(options);
      t.after(() => agent.destroy());
      for (;;) {
        const { status, text, headers } = await visit({ port: hub.port, host, agent, ...(ca !== undefined && { ca }) });
        assert.deepEqual([status, text], [200, body]);
        answerCount += 1;
        if (headers.connection === 'close') lastCount += 1;
        if (answerCount === 1_000) hub.program.signal('SIGTERM');
      }
    });
    const ends = (await Promise.allSettled(visitors)) as PromiseRejectedResult[];
    assert.deepEqual([...new Set(ends.map(({ reason }) => reason.code ?? String(reason)))], ['ECONNREFUSED']);
    assert.deepEqual(await hub.program.exited, { code: 0, signal: null });
    assert.ok(lastCount > 30, `${lastCount} of ${answerCount} came after the signal`);
    assert.equal(origin.journal.length, answerCount);
  });
}

test('connections that are kept are answered once more, and those that stay silent are closed last', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end('ok'));
  const { hub, port, host } = await startTunnel(t, origin.port);
  const request = `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  const [active, silent, fresh] = await Promise.all([1, 2, 3].map(() => RawVisitor.connect(t, port)));
  assert.ok(active && silent && fresh);
  for (const visitor of [active, silent]) {
    visitor.send(request);
    assert.equal((await visitor.response()).field('connection'), undefined);
  }
  hub.program.signal('SIGTERM');
  await hub.program.line((line) => line.includes('finishing what is under way') || undefined);
  // One that was open already, one that sends its first request now, and one that comes only now.
  for (const visitor of [active, fresh, await RawVisitor.connect(t, port)]) {
    visitor.send(request);
    const { status, body, field } = await visitor.response();
    assert.deepEqual([status, body, field('connection')], [200, 'ok', 'close']);
    await visitor.closed;
  }
  await silent.closed;
  assert.equal(silent.unread, '');
  assert.deepEqual(await hub.program.exited, { code: 0, signal: null });
});

test('what is not over by --drain is broken off, and the hub still exits with 0', async (t) => {
  const { promise: arrived, resolve: arrive } = deferred();
  const origin = await startOrigin(t, (_request, response) => {
    response.write('part');
    arrive();
  });
  const { hub, port, host } = await startTunnel(t, origin.port, { hubArgs: ['--drain', '1s'] });
  const cut = assert.rejects(visit({ port, host }));
  await arrived;
  const startedAt = performance.now();
  assert.deepEqual(await hub.program.stop('SIGTERM'), { code: 0, signal: null });
  assert.ok(performance.now() - startedAt < 5_000);
  await cut;
});

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
