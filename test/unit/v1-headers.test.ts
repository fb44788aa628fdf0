import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromV1Headers, joinTarget, splitTarget, toV1Headers } from '#internal/link/v1/headers';
import { decodeV1, encodeV1, type V1Headers } from '#messages/v1';

const id = '0b6f6a0e-5f0a-4d6e-9a3c-2f1f5a7a9b10';

/** Headers as the other end reads them. */
function overTheWire(headers: V1Headers): V1Headers {
  const document = decodeV1(encodeV1({ type: 'ws-request', id, url: '/', query: '', headers }, 0));
  assert.ok(document?.type === 'ws-request');
  return document.headers;
}

test('a header called __proto__ passes and pollutes nothing', () => {
  const headers = overTheWire(toV1Headers(['__proto__', 'x', 'constructor', 'y', 'X-After', 'z']));
  assert.equal(Object.getPrototypeOf(headers), Object.prototype);
  assert.deepEqual(fromV1Headers(headers), ['__proto__', 'x', 'Constructor', 'y', 'X-After', 'z']);
  assert.equal(({} as Record<string, unknown>)['x'], undefined);
});

test('a member called __proto__ pollutes nothing', () => {
  const text = encodeV1({ type: 'ws-teardown', id }, 0).replace('{', '{"__proto__":{"admin":true},');
  const document = decodeV1(text);
  assert.deepEqual(document, { type: 'ws-teardown', id });
  assert.equal(({} as Record<string, unknown>)['admin'], undefined);
  assert.equal((document as unknown as Record<string, unknown>)['admin'], undefined);
});

test('names are written canonically and several values are joined', () => {
  const fields = ['x-multi', 'a', 'X-MULTI', 'b', 'cookie', 'c=1', 'Cookie', 'd=2', 'ACCEPT', '*/*'];
  assert.deepEqual({ ...toV1Headers(fields) }, { 'X-Multi': 'a, b', Cookie: 'c=1; d=2', Accept: '*/*' });
});

test('of several Set-Cookie the first one travels, and each other is told', () => {
  let lost = 0;
  const headers = toV1Headers(['Set-Cookie', 'a=1', 'set-cookie', 'b=2', 'SET-COOKIE', 'c=3'], () => {
    lost += 1;
  });
  assert.deepEqual({ ...headers }, { 'Set-Cookie': 'a=1' });
  assert.equal(lost, 2);
});

test('field values travel as text and come back as the same bytes', () => {
  const utf8 = Buffer.from('žluť 🐎', 'utf8').toString('latin1');
  const headers = overTheWire(toV1Headers(['X-Name', utf8]));
  assert.equal(headers['X-Name'], 'žluť 🐎');
  assert.deepEqual(fromV1Headers(headers), ['X-Name', utf8]);
});

const bad: V1Headers[] = [
  { 'X-A': 'a\r\nX-B: b' },
  { 'X-A': 'a\nb' },
  { 'X-A': 'a\0b' },
  { 'X A': 'a' },
  { 'X-A:': 'a' },
  { '': 'a' },
  { 'X-A\r\nX-B': 'a' },
  { ž: 'a' },
];
for (const headers of bad) {
  test(`${JSON.stringify(headers)} is refused by its name`, () => {
    assert.throws(() => fromV1Headers(headers), {
      message: `header ${JSON.stringify(Object.keys(headers)[0])} is not a valid field`,
    });
  });
}

const targets: [target: string, url: string, query: string][] = [
  ['/', '/', ''],
  ['/a%2Fb', '/a%2Fb', ''],
  ['/a?x=1&y=2', '/a', 'x=1&y=2'],
  ['/a?x=?&y', '/a', 'x=?&y'],
  ['//evil.test/x', '//evil.test/x', ''],
];
for (const [target, url, query] of targets) {
  test(`the target ${target} is split into path and query, and joined again`, () => {
    assert.deepEqual(splitTarget(target), { url, query });
    assert.equal(joinTarget(url, query), target);
  });
}

const decoded: [url: string, query: string, target: string][] = [
  ['/a b', '', '/a%20b'],
  ['/a?b', 'c', '/a%3Fb?c'],
  ['/a#b', '', '/a%23b'],
  ['/100%', '', '/100%25'],
  ['/%zz/%41', '', '/%25zz/%41'],
  ['/ž', 'q=ž', '/%C5%BE?q=%C5%BE'],
  ['/a\r\nX: y', '', '/a%0D%0AX:%20y'],
  ['/a"<>\\^`{}', '', '/a%22%3C%3E%5C%5E%60%7B%7D'],
  ['/', 'a b#c', '/?a%20b%23c'],
];
for (const [url, query, target] of decoded) {
  test(`the decoded path ${JSON.stringify(url)} and query ${JSON.stringify(query)} become ${target}`, () => {
    assert.equal(joinTarget(url, query), target);
  });
}
