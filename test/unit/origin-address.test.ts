import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { test } from 'node:test';
import { lookupWithLocalhost, type OriginAddress, parseOrigin } from '#internal/agent/origin-address';
import { AditError } from '#internal/core/errors';

function address(isSecure: boolean, hostname: string, port: number, host: string): OriginAddress {
  return { isSecure, endpoint: { host: hostname, port }, host, name: host };
}

const origins: [text: string, expected: OriginAddress][] = [
  ['3000', address(false, 'localhost', 3000, 'localhost:3000')],
  ['80', address(false, 'localhost', 80, 'localhost')],
  ['65535', address(false, 'localhost', 65_535, 'localhost:65535')],
  ['localhost:3000', address(false, 'localhost', 3000, 'localhost:3000')],
  ['app.test', address(false, 'app.test', 80, 'app.test')],
  ['http://localhost:3000', address(false, 'localhost', 3000, 'localhost:3000')],
  ['http://localhost:3000/', address(false, 'localhost', 3000, 'localhost:3000')],
  ['HTTPS://App.Test', address(true, 'app.test', 443, 'app.test')],
  ['https://app.test:8443', address(true, 'app.test', 8443, 'app.test:8443')],
  ['http://127.0.0.1:80', address(false, '127.0.0.1', 80, '127.0.0.1')],
  ['[::1]:3000', address(false, '::1', 3000, '[::1]:3000')],
  ['https://[2001:db8::1]', address(true, '2001:db8::1', 443, '[2001:db8::1]')],
];
for (const [text, expected] of origins) {
  test(`the service ${text} is at ${JSON.stringify(expected.endpoint)}`, () =>
    assert.deepEqual(parseOrigin(text), expected));
}

for (const [text, path] of [
  ['unix:/run/app.sock', '/run/app.sock'],
  ['unix:///run/app.sock', '/run/app.sock'],
  ['UNIX:relative/app.sock', 'relative/app.sock'],
  ['unix:\\\\.\\pipe\\name', '\\\\.\\pipe\\name'],
] as const) {
  test(`the service ${text} is at the socket ${path}`, () => {
    const expected = { isSecure: false, endpoint: { path }, host: 'localhost', name: `unix:${path}` };
    assert.deepEqual(parseOrigin(text), expected);
  });
}

const refused: [text: string, why: RegExp][] = [
  ['0', /ports go from 1 to 65535/],
  ['65536', /ports go from 1 to 65535/],
  ['-3000', /ports go from 1 to 65535/],
  ['', /write a port such as 3000/],
  [':3000', /write a port such as 3000/],
  ['localhost:99999', /write a port such as 3000/],
  ['http://', /write a port such as 3000/],
  ['a b', /write a port such as 3000/],
  ['ftp://localhost', /ftp:\/\/ is none of/],
  ['ws://localhost:3000', /ws:\/\/ is none of/],
  ['file:///etc/passwd', /file:\/\/ is none of/],
  ['http://localhost:3000/path', /without a path or a user/],
  ['localhost:3000/path', /without a path or a user/],
  ['http://localhost?x', /without a path or a user/],
  ['http://user@localhost', /without a path or a user/],
  ['unix:', /write the path of a socket/],
  ['unix:/a\0b', /write the path of a socket/],
  [`unix:/${'a'.repeat(300)}`, /the path of a socket has at most \d+ bytes/],
];
for (const [text, why] of refused) {
  test(`the service ${JSON.stringify(text)} is refused`, () => {
    assert.throws(
      () => parseOrigin(text),
      (error) => error instanceof AditError && error.code === 'ADIT_USAGE' && why.test(error.message),
    );
  });
}

async function lookupAll(hostname: string, family?: number): Promise<LookupAddress[]> {
  return await new Promise((resolve, reject) => {
    lookupWithLocalhost(hostname, { all: true, ...(family ? { family } : {}) }, (error, found) => {
      if (error) reject(error);
      else resolve(found as LookupAddress[]);
    });
  });
}

const both = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];
for (const name of ['localhost', 'LOCALHOST', 'localhost.', 'app.localhost', 'a.b.LocalHost.']) {
  test(`${name} has both loopback addresses, IPv4 first`, async () => assert.deepEqual(await lookupAll(name), both));
}

test('a family that is asked for is the only one', async () => {
  assert.deepEqual(await lookupAll('localhost', 4), both.slice(0, 1));
  assert.deepEqual(await lookupAll('localhost', 6), both.slice(1));
});

test('one address is given to whoever asks for one', async () => {
  const found = await new Promise<unknown[]>((resolve) => {
    lookupWithLocalhost('localhost', { family: 6 }, (...result) => resolve(result));
  });
  assert.deepEqual(found, [null, '::1', 6]);
});

test('other names and addresses go to the resolver', async () => {
  assert.deepEqual(await lookupAll('127.0.0.9'), [{ address: '127.0.0.9', family: 4 }]);
  assert.deepEqual(await lookupAll('::9'), [{ address: '::9', family: 6 }]);
});
