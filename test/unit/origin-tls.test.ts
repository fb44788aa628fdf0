import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, type TestContext, test } from 'node:test';
import { createServer, type TLSSocket } from 'node:tls';
import type { OriginTrust } from '#internal/agent/origin-trust';
import { makeCertificates } from '../support/certificate.ts';
import { temporaryFolder } from '../support/processes.ts';
import { SocketOrigin } from '../support/socket-origin.ts';

const certificates = makeCertificates(temporaryFolder({ after }));
const cert = readFileSync(certificates.certPath);
const key = readFileSync(certificates.keyPath);
const trusted: OriginTrust = { ca: Buffer.from(certificates.caPem), isInsecure: false };

async function start(t: TestContext, host: string, trust?: OriginTrust): Promise<SocketOrigin> {
  const server = createServer({ cert, key, allowHalfOpen: true });
  return await SocketOrigin.start(t, { server, name: (port) => `https://${host}:${port}`, ...(trust && { trust }) });
}

for (const [host, servername] of [
  ['localhost', 'localhost'],
  ['127.0.0.1', false],
] as const) {
  test(`a service at https://${host} is asked under the server name ${servername}`, async (t) => {
    const service = await start(t, host, trusted);
    const { response } = service.ask();
    const connection = await service.accept();
    assert.equal((connection.socket as TLSSocket).servername, servername);
    await connection.head();
    connection.answer('secret');
    await response.done;
    assert.deepEqual([response.error, response.body.toString()], [undefined, 'secret']);
  });
}

test('a further connection takes up the TLS session of an earlier one', async (t) => {
  const service = await start(t, 'localhost', trusted);
  const { response } = service.ask();
  const connection = await service.accept();
  await connection.head();
  connection.answer('one', 'Connection: close\r\n');
  await response.done;
  service.ask();
  const second = await service.accept();
  await second.head();
  assert.equal((second.socket as TLSSocket).isSessionReused(), true);
});

test('a certificate that nobody vouches for is refused, and the message names what to do', async (t) => {
  const service = await start(t, 'localhost');
  const { response } = service.ask();
  await response.done;
  assert.equal(response.error?.code, 'ADIT_ORIGIN_UNREACHABLE');
  const expected =
    /^localhost:\d+ cannot be asked: its certificate is not trusted \(\w+\): name its CA with --origin-ca, or/;
  assert.match(response.error.message, expected);
});

test('a certificate for other names is refused, and the message says so', async (t) => {
  const service = await start(t, 'a.b.localhost', trusted);
  const { response } = service.ask();
  await response.done;
  assert.match(
    response.error?.message ?? '',
    /its certificate is not valid \(ERR_TLS_CERT_ALTNAME_INVALID: .*a\.b\.localhost/,
  );
});

test('every certificate is taken when that is wished', async (t) => {
  const service = await start(t, '127.0.0.1', { ca: undefined, isInsecure: true });
  const { response } = service.ask();
  const connection = await service.accept();
  await connection.head();
  connection.answer('ok');
  await response.done;
  assert.equal(response.body.toString(), 'ok');
});

test('an upgraded connection over TLS is ended by one side at a time', async (t) => {
  const service = await start(t, 'localhost', trusted);
  const { response, request } = service.forward({ fields: ['Connection', 'Upgrade', 'Upgrade', 'x'] });
  const connection = await service.accept();
  await connection.head();
  connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nearly');
  connection.socket.end();
  await response.done;
  request.data(Buffer.from('late'));
  await connection.until('late');
  request.ended([]);
  await connection.ended;
  assert.deepEqual([response.body.toString(), response.error], ['early', undefined]);
});
