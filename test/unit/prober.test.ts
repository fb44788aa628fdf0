import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '#internal/core/clock';
import { Prober, type ProberOptions } from '#internal/hub/prober';
import { FakeClock } from '../support/fake-clock.ts';
import { type Cleanup, freePort } from '../support/processes.ts';

const clientId = 'a'.repeat(52);
const nonce = 'n'.repeat(22);
const deps = { clock: systemClock, isClosing: () => false };
const target = `/.well-known/adit/probe/${nonce}`;

/** A prober of what `answer` stands for, and what it asked. */
async function startProber(t: Cleanup, answer: RequestListener, options: Partial<ProberOptions> = {}) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.headers.host} ${request.url}`);
    answer(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const address = new URL(`http://127.0.0.1:${port}`);
  const whole = { named: undefined, own: address, domain: 'tunnel.test', isPathRouting: false, ...options };
  return { asked, port, prober: new Prober(whole, deps) };
}

test('prober: it asks under the hostname of the tunnel, and takes only the nonce for an answer', async (t) => {
  let body = nonce;
  const { asked, port, prober } = await startProber(t, (_request, response) => response.end(body));
  assert.deepEqual(await prober.probe(clientId, nonce), { outcome: 'ok', detail: '' });
  assert.deepEqual(asked, [`${clientId}.tunnel.test:${port} ${target}`]);
  for (body of ['', 'x', `${nonce}x`, nonce.slice(1), 'x'.repeat(1_000_000)]) {
    assert.deepEqual(await prober.probe(clientId, nonce), { outcome: 'failed', detail: 'somebody else answers there' });
  }
});

test('prober: without a domain it asks by path, and where that does not lead to tunnels it knows nothing', async (t) => {
  const options = { domain: '', isPathRouting: true };
  const { asked, port, prober } = await startProber(t, (_request, response) => response.end(nonce), options);
  assert.equal((await prober.probe(clientId, nonce)).outcome, 'ok');
  assert.deepEqual(asked, [`127.0.0.1:${port} /proxy/request/${clientId}${target}`]);
  const address = new URL(`http://127.0.0.1:${port}`);
  const without = new Prober({ named: address, own: address, domain: '', isPathRouting: false }, deps);
  assert.equal((await without.probe(clientId, nonce)).outcome, 'unknown');
  assert.equal(asked.length, 1);
});

test('prober: any other answer has failed, with its status and code; a rate says nothing', async (t) => {
  let status = 502;
  const { prober } = await startProber(t, (_request, response) => {
    response.writeHead(status, { 'Adit-Error': 'ADIT_TUNNEL_OFFLINE' }).end(nonce);
  });
  const detail = 'the answer is 502 (ADIT_TUNNEL_OFFLINE)';
  assert.deepEqual(await prober.probe(clientId, nonce), { outcome: 'failed', detail });
  status = 429;
  assert.equal((await prober.probe(clientId, nonce)).outcome, 'unknown');
});

test('prober: an address that cannot be reached has failed if it was named, else nothing is known', async () => {
  const address = new URL(`http://127.0.0.1:${await freePort()}`);
  for (const isNamed of [true, false]) {
    const prober = new Prober(
      { named: isNamed ? address : undefined, own: address, domain: 'tunnel.test', isPathRouting: false },
      deps,
    );
    const { outcome, detail } = await prober.probe(clientId, nonce);
    assert.equal(outcome, isNamed ? 'failed' : 'unknown');
    assert.match(detail, /cannot be asked: .*ECONNREFUSED/);
  }
});

test('prober: an answer that does not come is waited for 5 s', async (t) => {
  let arrive = (): void => undefined;
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const { port } = await startProber(t, () => arrive());
  const clock = new FakeClock();
  const address = new URL(`http://127.0.0.1:${port}`);
  const prober = new Prober(
    { named: address, own: address, domain: 'tunnel.test', isPathRouting: false },
    { ...deps, clock },
  );
  const probing = prober.probe(clientId, nonce);
  await arrived;
  clock.advance(5_000);
  assert.match((await probing).detail, /no answer within 5 s/);
});

test('prober: a request is a probe of ours only while we ask for it', async (t) => {
  const seen: boolean[] = [];
  const { prober } = await startProber(t, (_request, response) => {
    seen.push(prober.isProbe(clientId, target), prober.isProbe(`b${clientId.slice(1)}`, target));
    seen.push(prober.isProbe(clientId, `${target}x`), prober.isProbe(clientId, `/x${target}`));
    response.end(nonce);
  });
  await prober.probe(clientId, nonce);
  assert.deepEqual(seen, [true, false, false, false]);
  assert.equal(prober.isProbe(clientId, target), false);
});

test('prober: a hub that is about to end asks nothing', async (t) => {
  const { asked, port } = await startProber(t, (_request, response) => response.end(nonce));
  const own = new URL(`http://127.0.0.1:${port}`);
  const options = { named: own, own, domain: 'tunnel.test', isPathRouting: false };
  const prober = new Prober(options, { ...deps, isClosing: () => true });
  assert.equal((await prober.probe(clientId, nonce)).outcome, 'unknown');
  assert.deepEqual(asked, []);
});
