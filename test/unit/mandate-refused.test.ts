import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { AditError } from '#internal/core/errors';
import { BaseUrls } from '#internal/hub/base-urls';
import { verifyMandate } from '#internal/hub/registration/mandate';
import { longestStall } from '../support/event-loop.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { type Json, newTestKey, signTexts, signToken, type TestKey, tokenParts } from '../support/signed-token.ts';

const uri = 'https://proxy.example.com';
const clock = new FakeClock();
const bases = new BaseUrls([new URL(uri)]);
const key = newTestKey('ES256');
const { header, payload } = tokenParts(key, { uri, wallMs: clock.wallMs() });
const good = signToken(key, { header, payload });
const [headerPart = '', payloadPart = '', signaturePart = ''] = good.split('.');

const withHeader = (changes: Json, signer: TestKey = key): string =>
  signToken(signer, { header: { ...header, ...changes }, payload });
const withPayload = (changes: Json): string => signToken(key, { header, payload: { ...payload, ...changes } });
const deep = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

/** HS256 keyed by the public key, in the forms that a careless verifier may hold it in. */
function signedWithPublicKey(secret: string | Buffer): string {
  const part = Buffer.from(JSON.stringify({ ...header, alg: 'HS256' })).toString('base64url');
  const input = `${part}.${payloadPart}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

/** The last character of a 64-byte signature carries four bits that mean nothing. */
function withChangedLastCharacter(): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return good.slice(0, -1) + alphabet[alphabet.indexOf(good.at(-1) as string) + 1];
}

function withRsaKeyOf(bits: number): string {
  const rsa = newTestKey('RS256', bits);
  return signToken(rsa, { header: { alg: 'RS256', jwk: rsa.jwk }, payload });
}

const offCurve = { ...key.jwk, x: Buffer.alloc(32, 1).toString('base64url') };
const unprotected = { payload: payloadPart, header: { jwk: key.jwk }, signature: signaturePart };

const refusals: Record<string, { token: string; message?: RegExp }> = {
  'no text at all': { token: '' },
  'the algorithm none': { token: withHeader({ alg: 'none' }), message: /algorithm/ },
  'the algorithm none without a signature': {
    token: `${Buffer.from(JSON.stringify({ ...header, alg: 'none' })).toString('base64url')}.${payloadPart}.`,
    message: /algorithm/,
  },
  'HS256 with the public key as PEM': {
    token: signedWithPublicKey(key.publicKey.export({ type: 'spki', format: 'pem' })),
    message: /algorithm/,
  },
  'HS256 with the public key as JWK': { token: signedWithPublicKey(JSON.stringify(key.jwk)), message: /algorithm/ },
  'a symmetric key in the header': { token: withHeader({ jwk: { kty: 'oct', k: 'c2VjcmV0' } }), message: /private/ },
  'an RSA key of 1024 bits': { token: withRsaKeyOf(1_024) },
  'a private key in the header': {
    token: withHeader({ jwk: key.privateKey.export({ format: 'jwk' }) }),
    message: /private key/,
  },
  'the extension b64': { token: withHeader({ b64: false, crit: ['b64'] }), message: /b64/ },
  'an unknown critical extension': { token: withHeader({ crit: ['exp'], exp: 1 }), message: /crit/ },
  'no key': { token: withHeader({ jwk: undefined }), message: /jwk/ },
  'a key that is null': { token: withHeader({ jwk: null }), message: /jwk/ },
  'a key only in the unprotected header': { token: JSON.stringify({ protected: headerPart, ...unprotected }) },
  'the key of somebody else': { token: withHeader({ jwk: newTestKey('ES256').jwk }) },
  'a point that is not on the curve': { token: withHeader({ jwk: offCurve }) },
  'a key of another curve': { token: withHeader({ jwk: newTestKey('ES384').jwk }) },
  'an algorithm of another curve': { token: withHeader({ alg: 'ES384' }) },
  'a signature of zeros': { token: `${headerPart}.${payloadPart}.${Buffer.alloc(64).toString('base64url')}` },
  'a DER signature': { token: `${headerPart}.${payloadPart}.${Buffer.alloc(70, 0x30).toString('base64url')}` },
  'no signature': { token: `${headerPart}.${payloadPart}.` },
  'white space before it': { token: ` ${good}`, message: /base64url/ },
  'a newline behind it': { token: `${good}\n`, message: /base64url/ },
  'white space inside': { token: `${headerPart}. ${payloadPart}.${signaturePart}`, message: /base64url/ },
  padding: { token: `${good}==`, message: /base64url/ },
  'the standard alphabet': { token: `${headerPart}+.${payloadPart}.${signaturePart}` },
  'a changed last character of the signature': { token: withChangedLastCharacter(), message: /base64url/ },
  'four parts': { token: `${good}.e30`, message: /three parts/ },
  'two parts': { token: `${headerPart}.${payloadPart}`, message: /three parts/ },
  'a header that is not JSON': { token: signTexts(key, '{', JSON.stringify(payload)) },
  'a header that is a list': { token: signTexts(key, '[]', JSON.stringify(payload)) },
  'a header that is null': { token: signTexts(key, 'null', JSON.stringify(payload)), message: /object/ },
  'a payload that is not JSON': { token: signTexts(key, JSON.stringify(header), 'x'), message: /JSON/ },
  'a payload that is null': { token: signTexts(key, JSON.stringify(header), 'null'), message: /object/ },
  'another type of document': { token: withPayload({ '@type': 'https://schema.brickchain.com/v2/other.json' }) },
  'no time': { token: withPayload({ '@timestamp': undefined }), message: /timestamp/ },
  'a time without a zone': { token: withPayload({ '@timestamp': '2026-11-21T00:51:05' }), message: /timestamp/ },
  'a time as a number': { token: withPayload({ '@timestamp': clock.wallMs() }), message: /timestamp/ },
  'a time a day ahead': { token: withPayload({ '@timestamp': '2026-11-22T00:51:05Z' }), message: /future/ },
  'an expired time': { token: withPayload({ '@timestamp': '2026-11-21T00:50:04Z' }), message: /expired/ },
  'no time to live': { token: withPayload({ ttl: undefined }), message: /ttl/ },
  'a time to live of 0': { token: withPayload({ ttl: 0 }), message: /ttl/ },
  'a negative time to live': { token: withPayload({ ttl: -1 }), message: /ttl/ },
  'a time to live as text': { token: withPayload({ ttl: '60' }), message: /ttl/ },
  'no hub': { token: withPayload({ uri: undefined }), message: /uri/ },
  'a megabyte of token': { token: 'e'.repeat(1_048_576), message: /longer/ },
  'a deep header': { token: signTexts(key, deep(5_900), '{}') },
  'a deep algorithm': { token: signTexts(key, `{"alg":${deep(5_500)}}`, '{}') },
  'a deep payload': { token: signTexts(key, JSON.stringify(header), deep(5_500)) },
  'a header that never closes 10,000 brackets': { token: signTexts(key, '['.repeat(10_000), '{}') },
};

const otherHubs = [
  'https://proxy.example.com.evil.test',
  'https://proxy.example.com@evil.test',
  'https://proxy.example.co',
  'https://proxy.example.com:4430',
  'https://proxy.example.com:44',
  'http://proxy.example.com',
  'https://example.com',
  'https://a.proxy.example.com',
  'wss://proxy.example.com',
  'proxy.example.com',
  '',
  'https://',
  'http://127.0.0.1',
  'http://localhost:443',
];
for (const other of otherHubs) {
  refusals[`the hub ${JSON.stringify(other)}`] = { token: withPayload({ uri: other }), message: /this hub is https:/ };
}

test('the token that the wrong ones are made of is right', async () => {
  assert.ok(await verifyMandate(good, { bases, clock }));
});

async function assertRefused(token: string, message: RegExp): Promise<void> {
  await assert.rejects(verifyMandate(token, { bases, clock }), (error) => {
    assert.ok(error instanceof AditError);
    assert.equal(error.code, 'ADIT_REFUSED');
    assert.match(error.message, message);
    return true;
  });
}

for (const [what, { token, message = /./ }] of Object.entries(refusals)) {
  test(`a token with ${what} is refused`, () => assertRefused(token, message));
}

for (const [what, { token }] of Object.entries(refusals).filter(([, { token }]) => token.length > 10_000)) {
  test(`refusing a token with ${what} keeps the event loop for less than 50 ms`, async () => {
    assert.ok((await longestStall(() => assertRefused(token, /./))) < 50);
  });
}

test('the refusal of a token for another hub names both hubs', async () => {
  await assert.rejects(verifyMandate(withPayload({ uri: 'https://other.example.com' }), { bases, clock }), (error) => {
    assert.match(String(error), /other\.example\.com.*proxy\.example\.com/);
    return true;
  });
});
