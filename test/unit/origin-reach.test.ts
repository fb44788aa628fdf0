import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { Advice } from '#internal/agent/advice';
import { dispatch } from '#internal/agent/dispatch';
import { Origin } from '#internal/agent/origin';
import { parseOrigin } from '#internal/agent/origin-address';
import { Probes } from '#internal/agent/probe';
import { probePath } from '#messages/v2';
import { makeCertificates } from '../support/certificate.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { freePort, temporaryFolder } from '../support/processes.ts';

const advice = new Advice(() => undefined);

test('an origin is checked by connecting: no byte is sent', async (t) => {
  const received: number[] = [];
  const server = createServer((socket: Socket) => {
    socket.on('data', (chunk) => received.push(chunk.length));
    socket.on('error', () => undefined);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const clock = new FakeClock();
  const origin = new Origin(parseOrigin(`127.0.0.1:${(server.address() as AddressInfo).port}`), clock);
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  assert.equal(await origin.check(), undefined);
  const [socket] = await accepted;
  if (!socket.destroyed) await once(socket, 'close');
  assert.deepEqual(received, []);
  server.close();
  await once(server, 'close');
  // The end that checked may hear of it a moment later.
  while (clock.pendingCount > 0) await turn();
  assert.match((await origin.check()) ?? '', /^nothing answers at 127\.0\.0\.1:\d+: .*ECONNREFUSED/);
  assert.equal(clock.pendingCount, 0);
  t.after(() => server.close());
});

test('an origin whose certificate is not trusted is trouble', async (t) => {
  const { certPath, keyPath } = makeCertificates(temporaryFolder(t));
  const server = createTlsServer({ cert: readFileSync(certPath), key: readFileSync(keyPath) }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const origin = new Origin(
    parseOrigin(`https://localhost:${(server.address() as AddressInfo).port}`),
    new FakeClock(),
  );
  assert.match((await origin.check()) ?? '', /its certificate is not trusted/);
});

test('a failed request tells that there is trouble with the origin', async () => {
  const origin = new Origin(parseOrigin(`127.0.0.1:${await freePort()}`), new FakeClock());
  const told = new Promise<void>((resolve) => {
    origin.onTrouble = resolve;
  });
  const ignore = (): void => undefined;
  const stream = { head: ignore, write: () => true, end: ignore, stop: ignore, reset: ignore, consumed: ignore };
  const probes = { nonceOf: () => undefined };
  const accept = dispatch({ origin, hostHeader: { kind: 'rewrite' }, publicHost: () => undefined, probes, advice });
  accept({ method: 'GET', target: '/', fields: [] }, stream).ended([]);
  await told;
});

test('a probe is answered in the place of the origin', async () => {
  const origin = new Origin(parseOrigin(`127.0.0.1:${await freePort()}`), new FakeClock());
  let nonce = '';
  const probes = new Probes({
    clock: new FakeClock(),
    ask: (asked) => {
      nonce = asked;
    },
    onProbed: () => undefined,
  });
  probes.start();
  const accept = dispatch({ origin, hostHeader: { kind: 'rewrite' }, publicHost: () => undefined, probes, advice });
  const answer: string[] = [];
  await new Promise<void>((resolve) => {
    const ignore = (): void => undefined;
    accept(
      { method: 'GET', target: `${probePath}${nonce}`, fields: [] },
      {
        head: ({ status }) => void answer.push(String(status)),
        write: (chunk) => answer.push(chunk.toString()) > 0,
        end: () => resolve(),
        stop: ignore,
        reset: ignore,
        consumed: ignore,
      },
    ).ended([]);
  });
  assert.deepEqual(answer, ['200', nonce]);
});
