import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { loadKey } from '#internal/agent/key';
import { registrationToken } from '#internal/agent/registration-token';
import { AditError } from '#internal/core/errors';
import { BaseUrls } from '#internal/hub/base-urls';
import { verifyMandate } from '#internal/hub/registration/mandate';
import { isClientId } from '#messages/client-id';
import { FakeClock } from '../support/fake-clock.ts';
import { temporaryFolder } from '../support/processes.ts';

const hub = 'https://hub.test';

function keyFile(t: TestContext, text: string, mode = 0o600): string {
  const path = join(temporaryFolder(t), 'key.pem');
  writeFileSync(path, text, { mode });
  chmodSync(path, mode);
  return path;
}

async function assertUnusable(path: string, message: RegExp): Promise<void> {
  await assert.rejects(loadKey(path), (error) => {
    assert.ok(error instanceof AditError);
    assert.equal(error.code, 'ADIT_KEY_UNUSABLE');
    assert.match(error.message, message);
    assert.ok(error.message.includes(path));
    return true;
  });
}

function ecKey(namedCurve: string): KeyObject {
  return generateKeyPairSync('ec', { namedCurve }).privateKey;
}

function pem(key: KeyObject, type: 'sec1' | 'pkcs8' = 'pkcs8'): string {
  return key.export({ type, format: 'pem' }) as string;
}

test('a missing key is created for its owner alone, in a folder for its owner alone', async (t) => {
  const folder = join(temporaryFolder(t), 'config', 'adit');
  const path = join(folder, 'key.pem');
  const key = await loadKey(path);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.ok(isClientId(key.clientId));
  assert.equal(key.algorithm, 'ES256');
  assert.match(readFileSync(path, 'utf8'), /^-----BEGIN EC PRIVATE KEY-----/);
  assert.equal((await loadKey(path)).clientId, key.clientId);
});

test('whoever looks for the file while it is made finds all of it, or nothing', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'key.pem');
  let isMade = false;
  const made = loadKey(path).finally(() => {
    isMade = true;
  });
  while (!isMade) {
    if (existsSync(path)) assert.match(readFileSync(path, 'utf8'), /-----END EC PRIVATE KEY-----\n$/);
    await setImmediate();
  }
  await made;
  assert.deepEqual(readdirSync(folder), ['key.pem']);
});

test('agents that start at the same moment get one key', async (t) => {
  const path = join(temporaryFolder(t), 'key.pem');
  const keys = await Promise.all([loadKey(path), loadKey(path), loadKey(path)]);
  const read = await loadKey(path);
  assert.deepEqual(
    keys.map(({ clientId }) => clientId),
    [read.clientId, read.clientId, read.clientId],
  );
});

const usable: [what: string, make: () => string, algorithm: string][] = [
  ['P-256 in SEC1', () => pem(ecKey('P-256'), 'sec1'), 'ES256'],
  ['P-256 in PKCS8', () => pem(ecKey('P-256')), 'ES256'],
  ['P-384', () => pem(ecKey('P-384')), 'ES384'],
  ['P-521', () => pem(ecKey('P-521'), 'sec1'), 'ES512'],
  ['Ed25519', () => pem(generateKeyPairSync('ed25519').privateKey), 'EdDSA'],
  ['RSA of 2048 bit', () => pem(generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey), 'RS256'],
];
for (const [what, make, algorithm] of usable) {
  test(`a key file with ${what} is taken, and signs what a hub accepts`, async (t) => {
    const clock = new FakeClock();
    const key = await loadKey(keyFile(t, make()));
    assert.equal(key.algorithm, algorithm);
    assert.equal('d' in key.publicJwk, false);
    const token = await registrationToken(key, { hub, wallMs: clock.wallMs() });
    const { keyId } = await verifyMandate(token, { bases: new BaseUrls([new URL(hub)]), clock });
    assert.equal(keyId, key.clientId);
  });
}

test('one key in both forms has one id', async (t) => {
  const key = ecKey('P-256');
  const [sec1, pkcs8] = [await loadKey(keyFile(t, pem(key, 'sec1'))), await loadKey(keyFile(t, pem(key)))];
  assert.equal(sec1.clientId, pkcs8.clientId);
});

const unusable: [what: string, make: () => string, message: RegExp][] = [
  ['nothing', () => '', /is not a private key/],
  ['words', () => 'my secret', /is not a private key/],
  ['half a key', () => pem(ecKey('P-256')).slice(0, 80), /is not a private key/],
  [
    'a public key',
    () => generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }) as string,
    /is not a private key/,
  ],
  [
    'a passphrase',
    () =>
      createPrivateKey(pem(ecKey('P-256'))).export({
        type: 'pkcs8',
        format: 'pem',
        cipher: 'aes-256-cbc',
        passphrase: 'x',
      }) as string,
    /without a passphrase/,
  ],
  ['secp256k1', () => pem(ecKey('secp256k1')), /cannot sign registrations/],
  [
    'RSA of 1024 bit',
    () => pem(generateKeyPairSync('rsa', { modulusLength: 1_024 }).privateKey),
    /cannot sign registrations/,
  ],
  ['X25519', () => pem(generateKeyPairSync('x25519').privateKey), /cannot sign registrations/],
  ['Ed448', () => pem(generateKeyPairSync('ed448').privateKey), /cannot sign registrations/],
];
for (const [what, make, message] of unusable) {
  test(`a key file with ${what} is refused and left as it was`, async (t) => {
    const text = make();
    const path = keyFile(t, text);
    await assertUnusable(path, message);
    assert.equal(readFileSync(path, 'utf8'), text);
  });
}

for (const mode of [0o640, 0o604, 0o620, 0o602, 0o666]) {
  test(`a key file of mode ${mode.toString(8)} is refused with the command that helps, and left as it was`, async (t) => {
    const text = pem(ecKey('P-256'));
    const path = keyFile(t, text, mode);
    await assertUnusable(path, /run chmod 600 /);
    assert.equal(statSync(path).mode & 0o777, mode);
    assert.equal(readFileSync(path, 'utf8'), text);
  });
}

for (const mode of [0o700, 0o755]) {
  test(`a folder of mode ${mode.toString(8)} in place of the file is refused, and no one is told to change it`, async (t) => {
    const path = join(temporaryFolder(t), 'key.pem');
    mkdirSync(path, { mode });
    await assertUnusable(path, /is not a file/);
  });
}

test('a file in place of the folder is refused', async (t) => {
  const file = join(temporaryFolder(t), 'file');
  writeFileSync(file, '');
  await assertUnusable(join(file, 'key.pem'), /cannot be (read|written)/);
});

test('a link to nowhere is not followed to create a key', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'key.pem');
  symlinkSync(join(folder, 'elsewhere.pem'), path);
  await assertUnusable(path, /cannot be written/);
});

const isRoot = process.getuid?.() === 0;
test('a folder that cannot be written is refused with another way', {
  skip: isRoot && 'root may write everywhere',
}, async (t) => {
  const folder = join(temporaryFolder(t), 'closed');
  mkdirSync(folder, { mode: 0o500 });
  await assertUnusable(join(folder, 'key.pem'), /cannot be written: .*name another file with --key/);
});
