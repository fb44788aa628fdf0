import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { clientIdOfKey, clientIdOfSession, isClientId } from '#messages/client-id';
import { newTestKey } from '../support/signed-token.ts';
import { recorded } from '../support/transcript.ts';

const letters = 'abcdefghijklmnopqrstuvwxyz234567';

/** Lowercase, unpadded base32 (RFC 4648), bit by bit. */
function base32(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? []).map((five) => letters[Number.parseInt(five.padEnd(5, '0'), 2)]).join('');
}

test('the id of a key is the base32 of its thumbprint (RFC 7638)', async () => {
  const { jwk } = newTestKey('ES256');
  const { crv, kty, x, y } = jwk;
  const thumbprint = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest();
  assert.equal(clientIdOfKey(jwk), base32(thumbprint));
});

test('the id of a key does not depend on further members of it', async () => {
  const { jwk } = newTestKey('ES256');
  assert.equal(clientIdOfKey({ ...jwk, kid: 'mine', use: 'sig', alg: 'ES256' }), clientIdOfKey(jwk));
});

test('the recorded key has the recorded id', async () => {
  const token = String(recorded('registration-request', 'client').document['mandateToken']);
  const { jwk } = JSON.parse(Buffer.from(token.split('.')[0] as string, 'base64url').toString());
  assert.equal(clientIdOfKey(jwk), recorded('registration-response', 'server').document['keyID']);
});

test('the id of a session is the base32 of the hash of the key’s id and the session’s name', async () => {
  const keyId = clientIdOfKey(newTestKey('ES256').jwk);
  assert.equal(clientIdOfSession(keyId, 'blue'), base32(createHash('sha256').update(`${keyId}blue`).digest()));
  assert.notEqual(clientIdOfSession(keyId, 'blue'), clientIdOfSession(keyId, 'green'));
});

test('an empty session is the key’s own id', async () => {
  const keyId = clientIdOfKey(newTestKey('ES256').jwk);
  assert.equal(clientIdOfSession(keyId, ''), keyId);
});

test('every id that is made is in its canonical form', async () => {
  for (let i = 0; i < 50; i += 1) {
    const id = clientIdOfSession('a'.repeat(52), String(i));
    assert.equal(id.length, 52);
    assert.ok(isClientId(id), id);
  }
});

test('of all last letters only the two that carry no stray bits are canonical', () => {
  const canonical = [...letters].filter((letter) => isClientId('b'.repeat(51) + letter));
  assert.deepEqual(canonical, ['a', 'q']);
});

const others = ['', 'a', 'a'.repeat(51), 'a'.repeat(53), 'A'.repeat(52), `${'a'.repeat(51)}=`, `1${'a'.repeat(51)}`];
others.push(
  `8${'a'.repeat(51)}`,
  `${'a'.repeat(50)}.a`,
  ` ${'a'.repeat(51)}`,
  `${'a'.repeat(51)}\n`,
  `${'a'.repeat(52)}\n`,
);
for (const text of [...others, '../../etc', '__proto__', 'www']) {
  test(`${JSON.stringify(text)} is no client id`, () => assert.equal(isClientId(text), false));
}
