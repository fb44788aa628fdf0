import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { resolveSettings } from '#internal/core/config';
import { AditError } from '#internal/core/errors';
import { agentSettings, originFromEnvironment } from '../../cmd/adit/settings.ts';

type Env = Record<string, string | undefined>;

function valuesOf(env: Env) {
  return resolveSettings(agentSettings, { flags: {}, env });
}

function assertRefused(env: Env, message: RegExp): void {
  assert.throws(
    () => valuesOf(env),
    (error) => error instanceof AditError && error.code === 'ADIT_USAGE' && message.test(error.message),
  );
}

test('without any setting the defaults of the help hold', () => {
  const { hub, ...rest } = valuesOf({});
  assert.equal(hub.href, 'http://localhost:6519/');
  assert.deepEqual(rest, {
    key: join(homedir(), '.config', 'adit', 'key.pem'),
    session: undefined,
    hubCa: undefined,
    originCa: undefined,
    insecureOrigin: false,
    hostHeader: { kind: 'rewrite' },
    state: undefined,
    wire: 'auto',
    json: false,
  });
});

test('the hub has a variable of Adit and one of the original, of which the first counts', () => {
  assert.equal(valuesOf({ PROXY_ENDPOINT: 'https://old.test' }).hub.origin, 'https://old.test');
  const env = { PROXY_ENDPOINT: 'https://old.test', ADIT_HUB: 'HTTPS://new.test:8443/' };
  assert.equal(valuesOf(env).hub.origin, 'https://new.test:8443');
});

for (const text of ['', 'hub.test', 'https://', 'ws://', 'hub.test:80', 'hub.test/?to=http://other.test']) {
  test(`${JSON.stringify(text)} is no hub`, () => {
    assertRefused({ ADIT_HUB: text }, /^ADIT_HUB: .* is not a URL/);
  });
}
const otherSchemes: [text: string, message: RegExp][] = [
  [
    'ws://127.0.0.1:8001',
    /^ADIT_HUB: "ws:\/\/127\.0\.0\.1:8001" is the URL of a websocket; write http:\/\/127\.0\.0\.1:8001$/,
  ],
  ['WSS://hub.test/proxy/subscribe', /^ADIT_HUB: .* is the URL of a websocket; write https:\/\/hub\.test$/],
  ['ftp://hub.test', /^ADIT_HUB: "ftp:\/\/hub\.test" is a URL of ftp; only http and https go here$/],
];
for (const [text, message] of otherSchemes) {
  test(`${JSON.stringify(text)} is the URL of something else`, () => assertRefused({ ADIT_HUB: text }, message));
}
for (const text of ['https://hub.test/path', 'https://hub.test/?x', 'https://hub.test#x', 'https://user@hub.test']) {
  test(`${JSON.stringify(text)} says more than a hub is`, () => {
    assertRefused({ PROXY_ENDPOINT: text }, /^PROXY_ENDPOINT: .* has a path or a user/);
  });
}

const hosts: [text: string, value: string][] = [
  ['app.test', 'app.test'],
  ['app.test:8080', 'app.test:8080'],
  ['http://app.test:8080/', 'app.test:8080'],
  ['https://app.test', 'app.test'],
  ['[::1]:80', '[::1]:80'],
  ['my_app', 'my_app'],
];
for (const [text, value] of hosts) {
  test(`the Host header ${text} is ${value}`, () => {
    assert.deepEqual(valuesOf({ LOCAL_URL: text }).hostHeader, { kind: 'value', value });
  });
}
test('the Host header can be rewritten or preserved', () => {
  assert.deepEqual(valuesOf({ LOCAL_URL: 'rewrite' }).hostHeader, { kind: 'rewrite' });
  assert.deepEqual(valuesOf({ LOCAL_URL: 'preserve' }).hostHeader, { kind: 'preserve' });
});
for (const text of ['', 'a b', 'a\r\nX: y', 'a/b', 'user@a', 'a:b', 'a:80:90', 'app.test\n', 'a, b']) {
  test(`${JSON.stringify(text)} is no Host header`, () => {
    assertRefused({ LOCAL_URL: text }, /^LOCAL_URL: [\s\S]* is not a host$/);
  });
}

test('a session has at most 256 letters', () => {
  assert.equal(valuesOf({ SESSION: 'a'.repeat(256) }).session?.length, 256);
  assert.equal(valuesOf({ SESSION: '' }).session, '');
  assertRefused({ SESSION: 'a'.repeat(257) }, /^SESSION: has more than 256 letters/);
});

test('an empty file name is refused', () => {
  for (const name of ['KEY', 'HUB_CA', 'ORIGIN_CA', 'STATE'])
    assertRefused({ [name]: '' }, new RegExp(`^${name}: names no file`));
});

test('a switch is on or off', () => {
  for (const text of ['true', '1']) assert.equal(valuesOf({ INSECURE_ORIGIN: text }).insecureOrigin, true);
  for (const text of ['false', '0', '']) assert.equal(valuesOf({ INSECURE_ORIGIN: text }).insecureOrigin, false);
  assertRefused({ INSECURE_ORIGIN: 'yes' }, /^INSECURE_ORIGIN: "yes" is neither true nor false/);
  const file = { path: 'adit.json', values: { json: 'maybe' } };
  assert.throws(
    () => resolveSettings(agentSettings, { flags: {}, env: {}, file }),
    /json: "maybe" is neither true nor/,
  );
});

test('the wire is auto or v1', () => {
  assert.equal(valuesOf({ WIRE: 'v1' }).wire, 'v1');
  assertRefused({ WIRE: 'v3' }, /^WIRE: "v3" is not one of auto, v1/);
});

test('LOCAL of the original names the service', () => {
  assert.equal(originFromEnvironment({}), undefined);
  assert.equal(originFromEnvironment({ LOCAL: '' }), undefined);
  assert.equal(originFromEnvironment({ LOCAL: 'http://localhost:8080' })?.host, 'localhost:8080');
});

test('every flag and every variable is there once', () => {
  const all = Object.values(agentSettings);
  for (const names of [all.map(({ flag }) => flag), all.flatMap(({ env }): readonly string[] => env)]) {
    assert.equal(new Set<string>(names).size, names.length);
  }
});
