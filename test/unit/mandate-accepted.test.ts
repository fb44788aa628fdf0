import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BaseUrls } from '#internal/hub/base-urls';
import { verifyMandate } from '#internal/hub/registration/mandate';
import { clientIdOfKey } from '#messages/client-id';
import { FakeClock } from '../support/fake-clock.ts';
import { type Algorithm, newTestKey, signToken, tokenParts } from '../support/signed-token.ts';

const uri = 'https://proxy.example.com';

function hub(...urls: [string, ...string[]]): { bases: BaseUrls; clock: FakeClock } {
  const [first, ...rest] = urls.map((url) => new URL(url));
  return { bases: new BaseUrls([first as URL, ...rest]), clock: new FakeClock() };
}

for (const algorithm of ['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519', 'RS256', 'PS256'] as Algorithm[]) {
  test(`a token signed with ${algorithm} is accepted`, async () => {
    const deps = hub(uri);
    const key = newTestKey(algorithm);
    const token = signToken(key, tokenParts(key, { uri, wallMs: deps.clock.wallMs() }));
    const mandate = await verifyMandate(token, deps);
    assert.equal(mandate.keyId, clientIdOfKey(key.jwk));
    assert.equal(mandate.signingInput, token.slice(0, token.lastIndexOf('.')));
    assert.equal(mandate.expiresAtMs, deps.clock.wallMs() + 60_000);
  });
}

const sameHubs: [base: string, dialled: string][] = [
  ['https://proxy.example.com', 'https://proxy.example.com/'],
  ['https://proxy.example.com', 'https://proxy.example.com:443'],
  ['https://proxy.example.com:443', 'https://PROXY.example.com'],
  ['http://localhost:6519', 'http://127.0.0.1:6519'],
  ['http://127.0.0.1:6519', 'http://[::1]:6519'],
  ['http://[::1]:6519', 'http://localhost:6519/'],
];
for (const [base, dialled] of sameHubs) {
  test(`a token for ${dialled} is accepted by the hub ${base}`, async () => {
    const deps = hub(base);
    const key = newTestKey('ES256');
    const token = signToken(key, tokenParts(key, { uri: dialled, wallMs: deps.clock.wallMs() }));
    assert.ok(await verifyMandate(token, deps));
  });
}

test('a token for any one of several base URLs is accepted', async () => {
  const deps = hub(uri, 'https://other.example.com:8443');
  const key = newTestKey('ES256');
  const parts = tokenParts(key, { uri: 'https://other.example.com:8443', wallMs: deps.clock.wallMs() });
  assert.ok(await verifyMandate(signToken(key, parts), deps));
});

test('a token lives for 300 s at most, whatever it asks for', async () => {
  const deps = hub(uri);
  const key = newTestKey('ES256');
  const { header, payload } = tokenParts(key, { uri, wallMs: deps.clock.wallMs() });
  const token = signToken(key, { header, payload: { ...payload, ttl: 86_400 } });
  const issuedAtMs = deps.clock.wallMs();
  assert.equal((await verifyMandate(token, deps)).expiresAtMs, issuedAtMs + 300_000);
  deps.clock.advance(299_000);
  assert.ok(await verifyMandate(token, deps));
  deps.clock.advance(2_000);
  await assert.rejects(verifyMandate(token, deps), { code: 'ADIT_REFUSED', message: /expired/ });
});

test('a clock that is ahead by up to 60 s is forgiven', async () => {
  const deps = hub(uri);
  const key = newTestKey('ES256');
  const ahead = (ms: number): string => signToken(key, tokenParts(key, { uri, wallMs: deps.clock.wallMs() + ms }));
  assert.ok(await verifyMandate(ahead(60_000), deps));
  await assert.rejects(verifyMandate(ahead(61_000), deps), { code: 'ADIT_REFUSED', message: /future/ });
});

test('members that the hub does not know, such as mandates, are ignored', async () => {
  const deps = hub(uri);
  const key = newTestKey('ES256');
  const { header, payload } = tokenParts(key, { uri, wallMs: deps.clock.wallMs() });
  const token = signToken(key, {
    header: { ...header, typ: 'JWT', kid: 'x' },
    payload: { ...payload, mandates: ['m'] },
  });
  assert.ok(await verifyMandate(token, deps));
});
