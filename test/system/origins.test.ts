import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeCertificates } from '../support/certificate.ts';
import { runToEnd, startAgent, startHub, temporaryFolder } from '../support/processes.ts';
import { visit } from '../support/visit.ts';

const folder = temporaryFolder({ after });
const { caPath, certPath, keyPath } = makeCertificates(folder);
const tls = { cert: readFileSync(certPath), key: readFileSync(keyPath) };
const greet: http.RequestListener = (request, response) => void response.end(`hello ${request.headers.host}`);
const secure = https.createServer(tls, greet).listen(0, '127.0.0.1');
await once(secure, 'listening');
const socketPath = process.platform === 'win32' ? `\\\\.\\pipe\\adit-${process.pid}` : join(folder, 'app.sock');
const local = http.createServer(greet).listen(socketPath);
await once(local, 'listening');
for (const server of [secure, local]) {
  after(() => {
    server.closeAllConnections();
    server.close();
  });
}
const hub = await startHub({ after });
const { port: securePort } = secure.address() as AddressInfo;
const service = `https://localhost:${securePort}`;

for (const [what, args, env] of [
  ['whose CA a flag names', ['--origin-ca', caPath], {}],
  ['whose CA the environment names', [], { ORIGIN_CA: caPath }],
  ['whose certificate shall not matter', ['--insecure-origin'], {}],
] as const) {
  test(`an https service ${what} is published`, async (t) => {
    const agent = await startAgent(t, ['--hub', hub.url, ...args, service], env);
    const { status, text } = await visit({ port: hub.port, host: agent.hostname });
    assert.deepEqual([status, text], [200, `hello localhost:${securePort}`]);
  });
}

test('a visitor of an https service that is not trusted is told what to do about it', async (t) => {
  const agent = await startAgent(t, ['--hub', hub.url, service]);
  const { status, headers, text } = await visit({ port: hub.port, host: agent.hostname });
  assert.deepEqual([status, headers['adit-error']], [502, 'ADIT_ORIGIN_UNREACHABLE']);
  assert.match(text, /its certificate is not trusted \(\w+\): name its CA with --origin-ca, or use --insecure-origin/);
});

test('a service on a local socket is published, by two agents of one key under two names', async (t) => {
  const home = temporaryFolder(t);
  const args = ['--hub', hub.url, `unix:${socketPath}`];
  const env = { HOME: home, XDG_RUNTIME_DIR: home };
  const agent = await startAgent(t, args, env);
  const second = await startAgent(t, args, env);
  assert.match(second.program.lines.join('\n'), /for unix:.*: taking session socket-\S+ instead/);
  for (const { hostname } of [agent, second]) {
    const { status, text } = await visit({ port: hub.port, host: hostname });
    assert.deepEqual([status, text], [200, 'hello localhost']);
  }
});

test('what cannot be trusted or published ends adit with 2, and is named', async () => {
  const noPem = join(folder, 'text.pem');
  writeFileSync(noPem, 'no PEM\n');
  const cases: [args: string[], env: Record<string, string>, reason: RegExp][] = [
    [['--origin-ca', noPem, service], {}, /--origin-ca: .*text\.pem is not a certificate in PEM form/],
    [['--origin-ca', join(folder, 'missing.pem'), service], {}, /--origin-ca: cannot read .*missing\.pem/],
    [['--hub-ca', noPem, service], {}, /--hub-ca: .*text\.pem is not a certificate in PEM form/],
    [[service], { INSECURE_ORIGIN: 'yes' }, /INSECURE_ORIGIN: "yes" is neither true nor false/],
    [['unix:'], {}, /write the path of a socket/],
  ];
  for (const [args, env, reason] of cases) {
    const { code, stderr } = await runToEnd('adit', args, { HOME: folder, XDG_RUNTIME_DIR: folder, ...env });
    assert.equal(code, 2, stderr);
    assert.match(stderr, reason);
  }
});
