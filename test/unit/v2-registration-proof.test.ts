import assert from 'node:assert/strict';
import { constants, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { test } from 'node:test';
import type { JWK } from 'jose';
import { prover } from '#internal/agent/registration-proof';
import { AditError } from '#internal/core/errors';
import { BaseUrls } from '#internal/hub/base-urls';
import { verifyProof } from '#internal/hub/registration/proof';
import type { V2Registration } from '#internal/link/v2/hub-link';
import { clientIdOfKey } from '#messages/client-id';
import { type RegistrationClaim, registrationProof } from '#messages/v2';
import { newTestKey, signToken, type TestKey, tokenParts } from '../support/signed-token.ts';

const origin = 'https://hub.example.com';
const bases = new BaseUrls([new URL(origin), new URL('https://second.example.com:8443')]);
const hubNonce = randomBytes(32).toString('base64url');
const keys = new Map(
  (['ES256', 'ES384', 'ES512', 'EdDSA', 'RS256'] as const).map((algorithm) => [algorithm, newTestKey(algorithm)]),
);
const key = keys.get('ES256') as TestKey;

/** What the agent sends for a key, signed by the product's own code. */
function registrationOf(
  { algorithm, privateKey, jwk }: TestKey,
  { dialled = origin, session = '', nonce = hubNonce } = {},
): V2Registration {
  const publicJwk = jwk as JWK;
  const prove = prover({ privateKey, publicJwk, algorithm, clientId: '' }, { origin: dialled, session });
  return { ...prove(nonce), maxStreams: 1, hubNonce };
}

async function assertRefused(registration: V2Registration, message?: RegExp): Promise<void> {
  await assert.rejects(verifyProof('register', registration, bases), (error) => {
    assert.ok(error instanceof AditError && error.code === 'ADIT_REFUSED', String(error));
    if (message) assert.match(error.message, message);
    return true;
  });
}

for (const [algorithm, own] of keys) {
  test(`v2 proof: ${algorithm} is accepted, and gives the client id of wire v1`, async () => {
    const id = clientIdOfKey(own.jwk as JWK);
    assert.equal(await verifyProof('register', registrationOf(own), bases), id);
    assert.equal(await verifyProof('register', registrationOf(own, { session: 'blüe ✓' }), bases), id);
    assert.equal(
      await verifyProof('register', registrationOf(own, { dialled: 'https://second.example.com:8443' }), bases),
      id,
    );
  });

  test(`v2 proof: ${algorithm} covers every part of the claim and the hub's nonce`, async () => {
    const good = registrationOf(own);
    const { claim } = good;
    const changes: Record<string, Partial<RegistrationClaim>> = {
      origin: { origin: 'https://second.example.com:8443' },
      'another spelling of the origin': { origin: `${origin}/` },
      nonce: { nonce: randomBytes(32).toString('base64url') },
      'the name of a tunnel': { tunnels: [{ session: 'other' }] },
      'a tunnel more': { tunnels: [{ session: '' }, { session: 'other' }] },
      'the same tunnel twice': { tunnels: [{ session: '' }, { session: '' }] },
    };
    for (const change of Object.values(changes)) {
      await assertRefused({ ...good, claim: { ...claim, ...change } }, /does not match/);
    }
    await assertRefused({ ...good, hubNonce: randomBytes(32).toString('base64url') }, /does not match/);
    await assertRefused({ ...good, key: newTestKey(own.algorithm).jwk as JWK }, /does not match/);
  });

  test(`v2 proof: a key of ${algorithm} signs with no other algorithm`, async () => {
    const good = registrationOf(own);
    for (const other of ['ES256', 'ES384', 'ES512', 'EdDSA', 'RS256', 'PS256', 'HS256', 'none', '', 'es256']) {
      if (other !== algorithm) await assertRefused({ ...good, algorithm: other }, /cannot sign with/);
    }
  });

  test(`v2 proof: a private key of ${algorithm} is refused`, async () => {
    const jwk = own.privateKey.export({ format: 'jwk' }) as JWK;
    await assertRefused({ ...registrationOf(own), key: jwk }, /private key/);
  });

  test(`v2 proof: ${algorithm} signatures in any other form are refused`, async () => {
    const good = registrationOf(own);
    const bytes = Buffer.from(good.signature, 'base64url');
    const forms: Record<string, string> = {
      empty: '',
      zero: Buffer.alloc(bytes.length).toString('base64url'),
      short: bytes.subarray(0, -1).toString('base64url'),
      long: Buffer.concat([bytes, Buffer.alloc(1)]).toString('base64url'),
      padded: `${good.signature}=`,
      'with white space': `${good.signature}\n`,
      'in hexadecimal': bytes.toString('hex'),
      'changed in one bit': Buffer.from(bytes.map((byte, i) => (i === 5 ? byte ^ 1 : byte))).toString('base64url'),
    };
    for (const signature of Object.values(forms)) await assertRefused({ ...good, signature });
    const standard = bytes.toString('base64');
    if (standard !== good.signature) await assertRefused({ ...good, signature: standard }, /canonical/);
  });
}

test('v2 proof: an ECDSA signature in DER is refused', async () => {
  const good = registrationOf(key);
  const signature = sign('sha256', registrationProof('register', good.claim, hubNonce), key.privateKey).toString(
    'base64url',
  );
  await assertRefused({ ...good, signature });
});

test('v2 proof: stray bits in the last letter are refused', async () => {
  const good = registrationOf(key);
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const next = (text: string): string => text.slice(0, -1) + alphabet[alphabet.indexOf(text.at(-1) as string) + 1];
  await assertRefused({ ...good, signature: next(good.signature) }, /canonical/);
  await assertRefused({ ...good, claim: { ...good.claim, nonce: next(good.claim.nonce) } }, /canonical/);
});

test('v2 proof: the extremes of ECDSA numbers are refused', async () => {
  const order = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551';
  const zero = '0'.repeat(64);
  const one = `${'0'.repeat(63)}1`;
  for (const hex of [zero + one, one + zero, order + order, one + order, order + one, 'f'.repeat(128), one + one]) {
    await assertRefused({ ...registrationOf(key), signature: Buffer.from(hex, 'hex').toString('base64url') });
  }
});

test('v2 proof: a registration that was captured is refused in any other session', async () => {
  await assertRefused({ ...registrationOf(key), hubNonce: randomBytes(32).toString('base64url') }, /does not match/);
});

test("v2 proof: another hub's visitor cannot be passed off as its own", async () => {
  // The hostile hub greets with the nonce that it got here, so everything matches but the hub that was dialled.
  for (const dialled of [
    'https://evil.example.com',
    'http://hub.example.com',
    `${origin}:8443`,
    `${origin}.evil.com`,
  ]) {
    await assertRefused(registrationOf(key, { dialled }), /registration is for/);
  }
  for (const dialled of ['', 'hub.example.com', 'wss://hub.example.com', 'https://', 'null', 'https://a@b@c']) {
    await assertRefused(registrationOf(key, { dialled }), /registration is for/);
  }
});

test("v2 proof: the signing input of a v1 token as the hub's nonce gives no v1 token, nor the other way round", async () => {
  const token = signToken(key, tokenParts(key, { uri: origin, wallMs: 0 }));
  const end = token.lastIndexOf('.');
  const asNonce = registrationOf(key, { nonce: token.slice(0, end) });
  assert.notEqual(asNonce.signature, token.slice(end + 1));
  const signed = registrationProof('register', asNonce.claim, token.slice(0, end));
  assert.ok(signed.toString('latin1').startsWith('adit.v2 register\0'));
  assert.ok(!signed.includes(token.slice(0, end)));
  await assertRefused({ ...registrationOf(key), signature: token.slice(end + 1) }, /does not match/);
});

test('v2 proof: members of the claim cannot be moved from one to the next', () => {
  const claim = { origin: 'a', nonce: 'b', session: '', epoch: 0, tunnels: [{ session: 'x' }] };
  const proofs = [
    registrationProof('register', claim, 'n'),
    registrationProof('register', { ...claim, origin: 'a","n' }, ''),
    registrationProof('register', { ...claim, tunnels: [{ session: 'x","y' }] }, 'n'),
    registrationProof('register', { ...claim, tunnels: [{ session: 'x' }, { session: 'y' }] }, 'n'),
    registrationProof('register', { ...claim, tunnels: [] }, 'n'),
    registrationProof('register', { ...claim, nonce: 'n' }, 'b'),
  ];
  assert.equal(new Set(proofs.map((proof) => proof.toString('hex'))).size, proofs.length);
});

const { claim } = registrationOf(key);
const oddClaims: Record<string, RegistrationClaim> = {
  'to resume a session': { ...claim, session: 'id' },
  'of another epoch': { ...claim, epoch: 1 },
  'without tunnels': { ...claim, tunnels: [] },
  'with an empty nonce': { ...claim, nonce: '' },
  'with a nonce of 31 bytes': { ...claim, nonce: randomBytes(31).toString('base64url') },
  'with a nonce of 33 bytes': { ...claim, nonce: randomBytes(33).toString('base64url') },
};

for (const [name, odd] of Object.entries(oddClaims)) {
  test(`v2 proof: a well-signed claim ${name} is refused`, async () => {
    const proof = registrationProof('register', odd, hubNonce);
    const signature = sign('sha256', proof, { key: key.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url');
    await assertRefused({ ...registrationOf(key), claim: odd, signature });
  });
}

const rsa = keys.get('RS256') as TestKey;
const weak = newTestKey('RS256', 1_024);
const pss = sign('sha256', registrationProof('register', claim, hubNonce), {
  key: rsa.privateKey,
  padding: constants.RSA_PKCS1_PSS_PADDING,
}).toString('base64url');
const badKeys: Record<string, V2Registration> = {
  'RSA of 1024 bits': registrationOf(weak),
  'RSA with PSS': { ...registrationOf(rsa), claim, signature: pss },
  'a point off the curve': {
    ...registrationOf(key),
    key: { ...key.jwk, x: Buffer.alloc(32, 1).toString('base64url') },
  },
  'the point at infinity': { ...registrationOf(key), key: { ...key.jwk, x: 'AA', y: 'AA' } },
  'another curve than its point': { ...registrationOf(key), key: { ...key.jwk, crv: 'P-384' } },
  'a symmetric key': { ...registrationOf(key), key: { kty: 'oct', k: 'c2VjcmV0' } },
  'no key': { ...registrationOf(key), key: {} },
  'a key with members of other types': {
    ...registrationOf(key),
    key: { kty: 'EC', crv: 1, x: [], y: {} } as unknown as JWK,
  },
  secp256k1: {
    ...registrationOf(key),
    key: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ format: 'jwk' }) as JWK,
  },
  X25519: {
    ...registrationOf(key),
    algorithm: 'EdDSA',
    key: generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' }) as JWK,
  },
  Ed448: {
    ...registrationOf(key),
    algorithm: 'EdDSA',
    key: generateKeyPairSync('ed448').publicKey.export({ format: 'jwk' }) as JWK,
  },
  'RSA of 8,200 bits': {
    ...registrationOf(rsa),
    key: { ...rsa.jwk, n: Buffer.alloc(1_025, 255).toString('base64url') },
  },
};

for (const [name, registration] of Object.entries(badKeys)) {
  test(`v2 proof: ${name} is refused`, () => assertRefused(registration));
}
