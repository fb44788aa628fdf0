import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import { type Certificates, makeCertificates } from '../support/certificate.ts';
import { echo, echoed, startOrigin } from '../support/origin.ts';
import { type Cleanup, freePort, runToEnd, startAgent, startHub, temporaryFolder } from '../support/processes.ts';
import { RawVisitor } from '../support/raw-visitor.ts';
import { visit } from '../support/visit.ts';

const folder = temporaryFolder({ after });
/** Two certificates of two authorities; the hub reads copies, so that they can be changed under it. */
const [first, second] = ['first', 'second'].map((name) => {
  mkdirSync(join(folder, name));
  return makeCertificates(join(folder, name));
}) as [Certificates, Certificates];
const certPath = join(folder, 'cert.pem');
const keyPath = join(folder, 'key.pem');

function install({ certPath: cert, keyPath: key }: Certificates): void {
  copyFileSync(cert, certPath);
  copyFileSync(key, keyPath);
}

install(first);
const origin = await startOrigin({ after }, (request, response, body) => {
  if (request.url !== '/hash') return echo(request, response, body);
  response.end(createHash('sha256').update(body).digest('hex'));
});
const port = await freePort();
const names = ['--listen', `127.0.0.1:${port}`, '--base', `https://localhost:${port}`, '--domain', 'tunnel.test'];
const hub = await startHub({ after }, [...names, '--tls-cert', certPath, '--tls-key', keyPath]);
const agent = await startAgent({ after }, ['--hub', hub.url, '--hub-ca', first.caPath, String(origin.port)]);
const host = agent.hostname;
const ca = first.caPem;
/** Never begins with its handshake; the last test asks what became of it. */
const silent = await RawVisitor.connect({ after }, port);

/** Tells the hub to read its certificate again and waits for what it says. */
async function reload(answer: RegExp): Promise<void> {
  const from = hub.program.lines.length;
  hub.program.signal('SIGHUP');
  await hub.program.line((line) => answer.exec(line)?.[0], from);
}

async function openWebSocket(t: Cleanup): Promise<WebSocket> {
  const websocket = new WebSocket(`wss://127.0.0.1:${port}/`, ['chat'], { ca, headers: { Host: host } });
  t.after(() => websocket.terminate());
  await once(websocket, 'open');
  return websocket;
}

async function echoOf(websocket: WebSocket, text: string): Promise<string> {
  const heard = once(websocket, 'message') as Promise<[Buffer]>;
  websocket.send(text);
  return (await heard)[0].toString('utf8');
}

test('a tunnel is served over TLS and tells the service so', async () => {
  assert.equal(agent.url, `https://${host}:${port}/`);
  const { status, text } = await visit({ port, host, ca, path: '/a%2Fb?q=1&r=2' });
  assert.equal(status, 200);
  const seen = echoed({ text });
  assert.equal(seen.url, '/a%2Fb?q=1&r=2');
  assert.equal(seen.headers['x-forwarded-proto'], 'https');
  assert.match(seen.headers['forwarded'] ?? '', /proto=https/);
});

test('a body of 499 kB passes over TLS', async () => {
  const body = randomBytes(499_000);
  const { text } = await visit({ port, host, ca, method: 'POST', path: '/hash', body });
  assert.equal(text, createHash('sha256').update(body).digest('hex'));
});

test('errors, limits and the own host are the same over TLS', async () => {
  const unserved = `${'a'.repeat(51)}q.tunnel.test`;
  assert.equal((await visit({ port, host: unserved, ca })).status, 502);
  assert.equal((await visit({ port, host: 'www.tunnel.test', ca })).status, 404);
  assert.equal((await visit({ port, host, ca, method: 'POST', body: randomBytes(512_001) })).status, 413);
  assert.match((await visit({ port, host: 'localhost', ca })).text, /^adit-server\//);
});

test('bad bytes inside TLS are refused, and plain HTTP gets no answer of a tunnel', async (t) => {
  const visitor = await RawVisitor.connect(t, port, { ca, servername: host });
  visitor.send(`GET / HTTP/1.1\r\nHost: ${host}\r\nHost: ${host}\r\n\r\n`);
  assert.equal((await visitor.response()).status, 400);
  const plain = await RawVisitor.connect(t, port);
  plain.send(`GET /plain HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await plain.closed;
  assert.ok(!origin.journal.includes('GET /plain'));
});

test('a visitor that offers HTTP/1.0 alone is served by it', async (t) => {
  const visitor = await RawVisitor.connect(t, port, { ca, servername: host, ALPNProtocols: ['http/1.0'] });
  assert.equal((visitor.socket as TLSSocket).alpnProtocol, 'http/1.0');
  visitor.send(`GET /old HTTP/1.0\r\nHost: ${host}\r\n\r\n`);
  assert.equal((await visitor.response()).status, 200);
});

async function assertNoSecondHandshake(t: Cleanup, trusted: string): Promise<void> {
  const visitor = await RawVisitor.connect(t, port, { ca: trusted, servername: host, maxVersion: 'TLSv1.2' });
  const outcome = await new Promise((resolve) => {
    visitor.socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code));
    (visitor.socket as TLSSocket).renegotiate({}, (error) => resolve(error ?? 'another handshake'));
  });
  assert.equal(outcome, 'ERR_SSL_NO_RENEGOTIATION');
}

test('nobody gets another handshake on a connection', (t) => assertNoSecondHandshake(t, ca));

test('a websocket passes over TLS', async (t) => {
  const websocket = await openWebSocket(t);
  assert.equal(websocket.protocol, 'chat');
  for (let i = 0; i < 100; i += 1) assert.equal(await echoOf(websocket, `message ${i}`), `message ${i}`);
});

test('after SIGHUP new connections see the new certificate, and open ones go on', async (t) => {
  const websocket = await openWebSocket(t);
  const visitor = await RawVisitor.connect(t, port, { ca, servername: host });
  const fingerprint = (visitor.socket as TLSSocket).getPeerCertificate().fingerprint256;
  const ask = async (): Promise<number> => {
    visitor.send(`GET /kept HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    return (await visitor.response()).status;
  };
  assert.equal(await ask(), 200);
  install(second);
  await reload(/read again/);
  const anew = await RawVisitor.connect(t, port, { ca: second.caPem, servername: host });
  assert.notEqual((anew.socket as TLSSocket).getPeerCertificate().fingerprint256, fingerprint);
  await assertNoSecondHandshake(t, second.caPem);
  assert.equal(await ask(), 200);
  assert.equal(await echoOf(websocket, 'still here'), 'still here');

  // One that is broken, or belongs to another key, changes nothing.
  for (const wrong of ['no certificate\n', readFileSync(first.certPath, 'utf8')]) {
    writeFileSync(certPath, wrong);
    await reload(/nothing was reloaded/);
    const { status } = await visit({ port, host, ca: second.caPem });
    assert.equal(status, 200);
  }
  install(first);
  await reload(/read again/);
  assert.equal((await visit({ port, host, ca })).status, 200);
  assert.equal(await ask(), 200);
  assert.equal(await echoOf(websocket, 'still here'), 'still here');
  assert.ok(!agent.program.lines.some((line) => line.includes('"offline"')));
});

test('certificates that cannot serve end a hub with 2 and are named', async () => {
  const noPem = join(folder, 'text.pem');
  writeFileSync(noPem, 'no PEM\n');
  const missing = join(folder, 'missing.pem');
  const cases: [cert: string, key: string, reason: RegExp][] = [
    [first.certPath, second.keyPath, /does not belong to the key/],
    [missing, first.keyPath, /cannot read .*missing\.pem/],
    [first.certPath, missing, /cannot read .*missing\.pem/],
    [noPem, first.keyPath, /text\.pem is not a certificate/],
    [first.certPath, noPem, /text\.pem is not a private key/],
  ];
  for (const [cert, key, reason] of cases) {
    const { code, stderr } = await runToEnd('adit-server', ['--tls-cert', cert, '--tls-key', key, ...names]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, reason);
  }
});

test('who does not come to an end with the handshake is cut off', { timeout: 15_000 }, () => silent.closed);
