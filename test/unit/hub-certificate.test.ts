import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { AditError } from '#internal/core/errors';
import { coversTunnels, loadCertificate } from '#internal/hub/certificate';
import { makeCertificates } from '../support/certificate.ts';

const folder = mkdtempSync(join(tmpdir(), 'adit-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const { certPath, keyPath, caPath } = makeCertificates(folder);

function written(name: string, text: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function assertUnusable(cert: string, key: string, message: RegExp): Promise<void> {
  await assert.rejects(loadCertificate(cert, key), (error) => {
    assert.ok(error instanceof AditError);
    assert.equal(error.code, 'ADIT_CERTIFICATE_UNUSABLE');
    assert.match(error.message, message);
    return true;
  });
}

test('a certificate and its key are read as they are', async () => {
  const { cert, key } = await loadCertificate(certPath, keyPath);
  assert.deepEqual(cert, readFileSync(certPath));
  assert.deepEqual(key, readFileSync(keyPath));
});

test('a chain of several certificates is read whole', async () => {
  const chain = Buffer.concat([readFileSync(certPath), readFileSync(caPath)]);
  const { cert } = await loadCertificate(written('chain.pem', chain), keyPath);
  assert.deepEqual(cert, chain);
});

test('a certificate covers the tunnels of its wildcard and of no other domain', async () => {
  const certificate = await loadCertificate(certPath, keyPath);
  assert.equal(coversTunnels(certificate, 'tunnel.test'), true);
  for (const domain of ['other.test', 'test', 'a.tunnel.test', 'evil-tunnel.test']) {
    assert.equal(coversTunnels(certificate, domain), false, domain);
  }
});

test('a key that belongs to another certificate is refused by both names', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const other = written('other.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }));
  await assertUnusable(certPath, other, /fullchain\.pem does not belong to the key .*other\.pem/);
});

test('a file that is not there is refused by its name', async () => {
  await assertUnusable(join(folder, 'none.pem'), keyPath, /cannot read .*none\.pem: ENOENT/);
  await assertUnusable(certPath, join(folder, 'none.key'), /cannot read .*none\.key: ENOENT/);
});

for (const [what, text] of Object.entries({
  empty: '',
  words: 'no PEM at all',
  broken: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
})) {
  test(`a file that is ${what} is neither a certificate nor a key`, async () => {
    const path = written(`${what}.pem`, text);
    await assertUnusable(path, keyPath, new RegExp(`${what}\\.pem is not a certificate in PEM form`));
    await assertUnusable(certPath, path, new RegExp(`${what}\\.pem is not a private key in PEM form`));
  });
}

test('certificate and key in the wrong order are refused', async () => {
  await assertUnusable(keyPath, certPath, /privkey\.pem is not a certificate/);
});
