import assert from 'node:assert/strict';
import { test } from 'node:test';
import { visibleResponseFields } from '#internal/hub/edge/response-fields';

const domain = 'tunnel.test';
const prefix = '/proxy/request/abc';

function cookie(value: string, where: { domain: string; prefix: string }): string | undefined {
  return visibleResponseFields(['Set-Cookie', value], where)[1];
}

const byHost: [value: string, visible: string][] = [
  ['a=1; Domain=tunnel.test; Path=/', 'a=1; Path=/'],
  ['a=1; domain=.Tunnel.Test', 'a=1'],
  ['a=1;DOMAIN = tunnel.test. ;Secure', 'a=1;Secure'],
  ['a=1; Domain=test', 'a=1'],
  ['a=1; Domain=x.tunnel.test; HttpOnly', 'a=1; Domain=x.tunnel.test; HttpOnly'],
  ['a=1; Domain=other.test', 'a=1; Domain=other.test'],
  ['a=1; Domain=unnel.test', 'a=1; Domain=unnel.test'],
  ['a=1; Path=/; Secure; SameSite=Lax', 'a=1; Path=/; Secure; SameSite=Lax'],
  ['a=x=y; Max-Age=5', 'a=x=y; Max-Age=5'],
  ['domain=tunnel.test', 'domain=tunnel.test'],
  ['a=1; Domain=tunnel.test; Domain=test', 'a=1'],
  ['', ''],
];
for (const [value, visible] of byHost) {
  test(`the cookie ${JSON.stringify(value)} of a tunnel with a host of its own becomes ${JSON.stringify(visible)}`, () => {
    assert.equal(cookie(value, { domain, prefix: '' }), visible);
  });
}

test('which trailers will come is told, whatever Connection says of that', () => {
  const where = { domain, prefix: '' };
  assert.deepEqual(visibleResponseFields(['Trailer', 'X-A', 'X-Own', 'kept', 'trailer', 'X-B'], where), [
    'X-Own',
    'kept',
    'Trailer',
    'X-A, X-B',
  ]);
  assert.deepEqual(visibleResponseFields(['Connection', 'trailer', 'Trailer', 'X-A'], where), ['Trailer', 'X-A']);
});

test('without a domain cookies keep theirs', () => {
  assert.equal(cookie('a=1; Domain=tunnel.test', { domain: '', prefix: '' }), 'a=1; Domain=tunnel.test');
});

const byPath: [value: string, visible: string][] = [
  ['a=1; Domain=hub.test; Path=/', 'a=1'],
  ['a=1; Path=/proxy/request/abc', 'a=1; Path=/proxy/request/abc'],
  ['a=1; path=/proxy/request/abc/x; Secure', 'a=1; path=/proxy/request/abc/x; Secure'],
  ['a=1; Path=/proxy/request/abcd', 'a=1'],
  ['a=1; Path=/proxy/request', 'a=1'],
  ['a=1; Path=', 'a=1'],
  ['path=/', 'path=/'],
];
for (const [value, visible] of byPath) {
  test(`the cookie ${JSON.stringify(value)} behind path routing becomes ${JSON.stringify(visible)}`, () => {
    assert.equal(cookie(value, { domain: '', prefix }), visible);
  });
}

test('several cookies stay several, in their order, each narrowed', () => {
  const fields = ['Set-Cookie', 'a=1; Domain=tunnel.test', 'X-A', '1', 'set-cookie', 'b=2; Domain=test'];
  const visible = ['Set-Cookie', 'a=1', 'X-A', '1', 'set-cookie', 'b=2'];
  assert.deepEqual(visibleResponseFields(fields, { domain, prefix: '' }), visible);
});

test('an origin cannot speak for the hub', () => {
  const fields = ['Adit-Error', 'ADIT_INTERNAL', 'adit-anything', 'x', 'ADIT-VERSION', '9', 'X-Adit', 'y'];
  assert.deepEqual(visibleResponseFields(fields, { domain, prefix: '' }), ['X-Adit', 'y']);
});

test('Service-Worker-Allowed passes only to a host of its own', () => {
  const fields = ['Service-Worker-Allowed', '/', 'X', '1'];
  assert.deepEqual(visibleResponseFields(fields, { domain, prefix: '' }), fields);
  assert.deepEqual(visibleResponseFields(fields, { domain, prefix }), ['X', '1']);
});

test('fields of the connection stay behind', () => {
  const fields = [
    'Connection',
    'X-Hop',
    'X-Hop',
    '1',
    'Keep-Alive',
    'timeout=5',
    'Transfer-Encoding',
    'chunked',
    'ETag',
    '"1"',
  ];
  assert.deepEqual(visibleResponseFields(fields, { domain, prefix: '' }), ['ETag', '"1"']);
});
