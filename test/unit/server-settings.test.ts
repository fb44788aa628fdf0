import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveSettings } from '#internal/core/config';
import { AditError } from '#internal/core/errors';
import { serverSettings } from '../../cmd/adit-server/settings.ts';

type Env = Record<string, string | undefined>;

/** The values that this environment gives. */
function valuesOf(env: Env) {
  return resolveSettings(serverSettings(env), { flags: {}, env });
}

function assertRefused(env: Env, message: RegExp): void {
  assert.throws(
    () => valuesOf(env),
    (error) => error instanceof AditError && error.code === 'ADIT_USAGE' && message.test(error.message),
  );
}

test('without any setting the defaults of the help hold', () => {
  const { trustedProxies, ...rest } = valuesOf({});
  assert.equal(trustedProxies.has('127.0.0.1'), false);
  assert.deepEqual(rest, {
    listen: { host: undefined, port: 6519 },
    domain: 'localhost',
    bases: [],
    pathRouting: 'auto',
    tlsCert: undefined,
    tlsKey: undefined,
    probeUrl: undefined,
    allowKeys: undefined,
    maxBodyBytes: 512_000,
    timeoutMs: 30_000,
    graceMs: 30_000,
    rate: { count: 6_000, windowMs: 60_000 },
    maxConnectionsPerIp: 1_024,
    memoryBytes: 268_435_456,
    drainMs: 25_000,
    redis: undefined,
    redisCa: undefined,
    metricsListen: undefined,
    logLevel: 'info',
    logFormat: undefined,
  });
});

for (const name of ['ADDR', 'BASE', 'CACHE', 'PUBSUB', 'REDIS']) {
  test(`${name} of the original turns the default domain off`, () => {
    const value = { ADDR: ':80', BASE: 'http://hub.test' }[name] ?? 'inmem';
    assert.equal(valuesOf({ [name]: value }).domain, '');
    assert.equal(valuesOf({ [name]: value, DOMAIN: 'tunnel.test' }).domain, 'tunnel.test');
  });
}

const addresses: [text: string, host: string | undefined, port: number][] = [
  ['6519', undefined, 6519],
  [':6519', undefined, 6519],
  ['127.0.0.1:0', '127.0.0.1', 0],
  ['[::1]:80', '::1', 80],
  ['hub.test:65535', 'hub.test', 65_535],
  [' :80 ', undefined, 80],
];
for (const [text, host, port] of addresses) {
  test(`${JSON.stringify(text)} is an address to listen on`, () => {
    assert.deepEqual(valuesOf({ ADDR: text }).listen, { host, port });
    assert.deepEqual(valuesOf({ METRICS_ADDR: text }).metricsListen, { host, port });
  });
}
for (const text of [
  '',
  ':',
  'hub.test',
  '::1:80',
  '[::1]',
  ':65536',
  ':-1',
  '1.2.3.4:80:90',
  'http://hub.test:80',
  ':80x',
]) {
  test(`${JSON.stringify(text)} is no address to listen on`, () => {
    assertRefused({ ADDR: text }, /^ADDR: .* is not an address; write :6519/);
  });
}

test('metrics can be off', () => assert.equal(valuesOf({ METRICS_ADDR: 'off' }).metricsListen, undefined));

const domains = [
  ['tunnel.test', 'tunnel.test'],
  ['Tunnel.TEST.', 'tunnel.test'],
  ['', ''],
  ['localhost', 'localhost'],
  ['xn--luk-2na.test', 'xn--luk-2na.test'],
] as const;
for (const [text, domain] of domains) {
  test(`the domain ${JSON.stringify(text)} is ${JSON.stringify(domain)}`, () =>
    assert.equal(valuesOf({ DOMAIN: text }).domain, domain));
}
for (const text of [
  '*.tunnel.test',
  'https://tunnel.test',
  'tunnel.test:80',
  '.test',
  'a..b',
  '-a.test',
  'a b',
  'a_b',
  'a/b',
  `${'a'.repeat(64)}.test`,
]) {
  test(`${JSON.stringify(text)} is no domain`, () =>
    assertRefused({ DOMAIN: text }, /^DOMAIN: .* is not a domain name/));
}

test('bases are URLs of http or https, one or several', () => {
  const { bases } = valuesOf({ BASE: 'https://hub.test, http://localhost:6519/' });
  assert.deepEqual(
    bases.map(({ origin }) => origin),
    ['https://hub.test', 'http://localhost:6519'],
  );
});
for (const text of [
  'hub.test',
  'ws://hub.test',
  'https://hub.test/path',
  'https://hub.test?x',
  'https://hub.test#x',
  'https://user:word@hub.test',
  'https://hub.test,',
  '',
]) {
  test(`${JSON.stringify(text)} is no base`, () =>
    assertRefused({ BASE: text }, /^BASE: .* (is not a URL|is the URL of a websocket|has a path or a user)/));
}

test('a probe URL is one of http or https, without a path or a user', () => {
  assert.equal(valuesOf({ PROBE_URL: 'https://tunnel.test' }).probeUrl?.origin, 'https://tunnel.test');
  assertRefused({ PROBE_URL: 'tunnel.test' }, /^PROBE_URL: .* is not a URL/);
  assertRefused({ PROBE_URL: 'https://user@tunnel.test' }, /^PROBE_URL: .* has a path or a user/);
});

test('a rate is a count in a time, or off', () => {
  assert.deepEqual(valuesOf({ RATE_LIMIT: '500/5m' }).rate, { count: 500, windowMs: 300_000 });
  assert.equal(valuesOf({ RATE_LIMIT: 'off' }).rate, undefined);
});
for (const text of ['', '500', '0/1m', '-1/1m', '500/', '500/5', '/1m', 'many/1m', '1.5/1m', '1/0s']) {
  test(`${JSON.stringify(text)} is no rate`, () => assertRefused({ RATE_LIMIT: text }, /^RATE_LIMIT: /));
}

const levels = [
  ['debug', 'debug'],
  ['INFO', 'info'],
  ['warning', 'warn'],
  ['trace', 'debug'],
  ['fatal', 'error'],
  ['panic', 'error'],
  ['silent', 'silent'],
] as const;
for (const [text, level] of levels) {
  test(`the log level ${text} is ${level}`, () => assert.equal(valuesOf({ LOG_LEVEL: text }).logLevel, level));
}
for (const text of ['', 'loud', 'constructor']) {
  test(`${JSON.stringify(text)} is no log level`, () =>
    assertRefused({ LOG_LEVEL: text }, /^LOG_LEVEL: .* is not one of/));
}

test('connections of one address are at least one, or unlimited', () => {
  assert.equal(valuesOf({ MAX_CONNECTIONS_PER_IP: '1' }).maxConnectionsPerIp, 1);
  assert.equal(valuesOf({ MAX_CONNECTIONS_PER_IP: 'unlimited' }).maxConnectionsPerIp, Number.POSITIVE_INFINITY);
  assertRefused({ MAX_CONNECTIONS_PER_IP: '0' }, /^MAX_CONNECTIONS_PER_IP: 0 would let no visitor in/);
});

test('the largest body is a count of bytes, or unlimited', () => {
  assert.equal(valuesOf({ MAX_BODY: '1000' }).maxBodyBytes, 1_000);
  assert.equal(valuesOf({ MAX_BODY: 'unlimited' }).maxBodyBytes, Number.POSITIVE_INFINITY);
  assertRefused({ MAX_BODY: '1MB' }, /^MAX_BODY: .* is not a whole number/);
});

test('trusted proxies and files are read, and an empty file name is refused', () => {
  assert.equal(valuesOf({ TRUSTED_PROXIES: 'loopback,10.0.0.0/8' }).trustedProxies.has('10.1.2.3'), true);
  assertRefused({ TRUSTED_PROXIES: 'nginx' }, /^TRUSTED_PROXIES: "nginx" is not a network/);
  assert.equal(valuesOf({ TLS_CERT: '/a.pem' }).tlsCert, '/a.pem');
  for (const name of ['TLS_CERT', 'TLS_KEY', 'ALLOW_KEYS']) assertRefused({ [name]: '' }, /names no file/);
});

test('every flag and every variable is there once', () => {
  const all = Object.values(serverSettings({}));
  for (const names of [all.map(({ flag }) => flag), all.flatMap(({ env }) => env)]) {
    assert.equal(new Set<string>(names).size, names.length);
  }
});

const localRedis = { kind: 'single', isTls: false, addresses: [{ host: 'localhost', port: 6379 }], database: 0 };

for (const env of [{ PUBSUB: 'redis' }, { CACHE: 'redis' }, { PUBSUB: 'redis', CACHE: 'redis', REDIS: 'localhost' }]) {
  test(`${JSON.stringify(env)} of the original names a Redis on this machine`, () => {
    assert.deepEqual(valuesOf(env).redis, localRedis);
  });
}

test('REDIS of the original counts where it was used, and REDIS_URL comes first', () => {
  const REDIS = 'cache.test:6380';
  const addresses = [{ host: 'cache.test', port: 6380 }];
  assert.deepEqual(valuesOf({ PUBSUB: 'redis', REDIS }).redis, { ...localRedis, addresses });
  assert.equal(valuesOf({ REDIS }).redis, undefined);
  assert.equal(valuesOf({ PUBSUB: 'inmem', CACHE: 'inmem', REDIS }).redis, undefined);
  assert.deepEqual(valuesOf({ PUBSUB: 'redis', REDIS, REDIS_URL: 'redis://localhost' }).redis, localRedis);
});

test('a Redis that cannot be is refused without its password', () => {
  assertRefused({ REDIS_URL: 'redis://user:secret@cache.test:0' }, /^REDIS_URL: has a port that is not between/);
  assertRefused({ CACHE: 'redis', REDIS: 'http://:secret@cache.test' }, /^REDIS: is not a URL of Redis; [^@]*$/);
});
