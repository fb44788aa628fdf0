import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BaseUrls } from '#internal/hub/base-urls';

const bases = new BaseUrls([new URL('https://Hub.Example.com'), new URL('http://localhost:6519')]);

for (const text of [
  'https://hub.example.com',
  'https://hub.example.com:443/',
  'https://HUB.example.com./x',
  'http://127.0.0.1:6519',
  'http://[::1]:6519',
]) {
  test(`${text} is this hub`, () => assert.equal(bases.hasOrigin(new URL(text)), true));
}

const others = [
  'http://hub.example.com',
  'https://hub.example.com:8443',
  'https://hub.example.com.evil.test',
  'https://example.com',
];
for (const text of [
  ...others,
  'https://a.hub.example.com',
  'http://localhost',
  'http://localhost:6520',
  'https://localhost:6519',
]) {
  test(`${text} is another hub`, () => assert.equal(bases.hasOrigin(new URL(text)), false));
}

test('the port 80 of http and 443 of https need not be written', () => {
  const plain = new BaseUrls([new URL('http://hub.test:80')]);
  assert.equal(plain.hasOrigin(new URL('http://hub.test')), true);
  assert.equal(plain.hasOrigin(new URL('https://hub.test:80')), false);
  assert.equal(plain.hasOrigin(new URL('http://hub.test:443')), false);
});

test('its hosts are known without their ports, in any letter case and with a trailing dot', () => {
  for (const host of ['hub.example.com', 'HUB.EXAMPLE.COM', 'hub.example.com.', 'localhost', '127.0.0.1', '[::1]']) {
    assert.equal(bases.hasHost(host), true, host);
  }
  for (const host of ['example.com', 'a.hub.example.com', 'evil.test', '127.0.0.2', '']) {
    assert.equal(bases.hasHost(host), false, host);
  }
});

test('it is loopback only when every name is', () => {
  assert.equal(bases.isLoopback, false);
  assert.equal(new BaseUrls([new URL('http://[::1]:1'), new URL('http://127.0.0.1')]).isLoopback, true);
  assert.equal(new BaseUrls([new URL('http://app.localhost')]).isLoopback, false);
});

test('the first one is its name, and all are told', () => {
  assert.equal(bases.primary, 'https://hub.example.com');
  assert.equal(String(bases), 'https://hub.example.com:443, http://localhost:6519');
});
