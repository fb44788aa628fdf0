import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AditError, type ErrorCode } from '#internal/core/errors';
import { BaseUrls } from '#internal/hub/base-urls';
import { type Route, Router } from '#internal/hub/edge/router';

const id = `${'b'.repeat(51)}a`;
const prefix = `/proxy/request/${id}`;
const bases = new BaseUrls([new URL('https://hub.test')]);
const byHost = new Router({ bases, domain: 'tunnel.test', isPathRouting: false });
const byBoth = new Router({ bases, domain: 'tunnel.test', isPathRouting: true });
const byPath = new Router({ bases, domain: '', isPathRouting: true });

function tunnel(host: string, target: string, pathPrefix = ''): Route {
  return { to: 'tunnel', clientId: id, target, host, prefix: pathPrefix };
}

function hub(target: string, isKnownHost: boolean): Route {
  return { to: 'hub', target, isKnownHost };
}

const hosts = [`${id}.tunnel.test`, `${id.toUpperCase()}.Tunnel.TEST`, `${id}.tunnel.test.`, `${id}.tunnel.test:80`];
for (const host of [...hosts, `${id}.tunnel.test.:8443`, `${id}.tunnel.test:`]) {
  test(`the host ${host} names the tunnel, and goes on as it was written`, () => {
    assert.deepEqual(byHost.route(host, '/a%2Fb?x=1'), tunnel(host, '/a%2Fb?x=1'));
  });
}

const absolute: [target: string, expected: string][] = [
  [`http://${id}.tunnel.test/x?y`, '/x?y'],
  [`https://${id}.tunnel.test`, '/'],
  [`HTTP://${id}.tunnel.test?y`, '/?y'],
  [`http://${id}.tunnel.test//evil.test/`, '//evil.test/'],
];
for (const [target, expected] of absolute) {
  test(`the absolute target ${target} counts before the Host field`, () => {
    for (const host of ['hub.test', 'evil.test', undefined]) {
      assert.deepEqual(byHost.route(host, target), tunnel(`${id}.tunnel.test`, expected));
    }
  });
}

test('an absolute target of another host is not the tunnel of the Host field', () => {
  assert.deepEqual(byHost.route(`${id}.tunnel.test`, 'http://evil.test/'), hub('/', false));
});

for (const target of ['//evil.test/x', '/\\evil.test', '/..//x', '/%2e%2e/', '/"quoted"', '/http://evil.test/']) {
  test(`the target ${target} goes on unchanged`, () => {
    assert.deepEqual(byHost.route(`${id}.tunnel.test`, target), tunnel(`${id}.tunnel.test`, target));
  });
}

test('a base is the hub itself, with any port', () => {
  for (const host of ['hub.test', 'HUB.test.', 'hub.test:1234'])
    assert.deepEqual(byHost.route(host, '/x'), hub('/x', true));
});

test('an address is a known host', () => {
  for (const host of ['192.0.2.1', '192.0.2.1:80', '[2001:db8::1]', '[2001:db8::1]:443']) {
    assert.deepEqual(byHost.route(host, '/'), hub('/', true));
  }
});

test('other hosts reach the hub only as strangers', () => {
  for (const host of [
    'evil.test',
    'tunnel.test',
    'nottunnel.test',
    'hub.test.evil.test',
    `${id}.evil.test`,
    `${id}tunnel.test`,
  ]) {
    assert.deepEqual(byHost.route(host, '/'), hub('/', false), host);
  }
});

test('who names no host, which HTTP/1.0 has no need of, is a stranger, too', () => {
  for (const router of [byHost, byPath]) assert.deepEqual(router.route(undefined, '/readyz'), hub('/readyz', false));
  assert.deepEqual(byPath.route(undefined, prefix), hub(prefix, false));
  assert.deepEqual(byHost.route(undefined, `http://${id}.tunnel.test/`), tunnel(`${id}.tunnel.test`, '/'));
  assert.throws(() => byHost.route('', '/readyz'), { code: 'ADIT_BAD_REQUEST' });
});

test('without a domain no host names a tunnel', () => {
  assert.deepEqual(byPath.route(`${id}.tunnel.test`, '/'), hub('/', false));
});

const paths: [target: string, expected: string][] = [
  [`${prefix}/a/b?c`, '/a/b?c'],
  [`${prefix}/`, '/'],
  [prefix, '/'],
  [`${prefix}?c=/d`, '/?c=/d'],
  [`${prefix}//x`, '//x'],
];
for (const [target, expected] of paths) {
  test(`with path routing ${target.replace(id, '<id>')} leads to ${expected} of the tunnel`, () => {
    for (const host of ['hub.test', '192.0.2.1', 'evil.test']) {
      assert.deepEqual(byPath.route(host, target), tunnel(host, expected, prefix));
    }
  });
}

test('without path routing such a path is one like any other', () => {
  assert.deepEqual(byHost.route('hub.test', `${prefix}/x`), hub(`${prefix}/x`, true));
});

test('a host that names a tunnel counts before a path that names one', () => {
  assert.deepEqual(byBoth.route(`${id}.tunnel.test`, `${prefix}/x`), tunnel(`${id}.tunnel.test`, `${prefix}/x`));
});

function assertRefused(code: ErrorCode, host: string | undefined, target: string): void {
  assert.throws(
    () => byBoth.route(host, target),
    (error) => error instanceof AditError && error.code === code,
    `${host} ${target}`,
  );
}

const notIds = [
  'www',
  `a.${id}`,
  id.slice(1),
  `${'b'.repeat(51)}b`,
  `${'b'.repeat(51)}1`,
  '-',
  '__proto__',
  'b'.repeat(64),
];
for (const label of notIds) {
  test(`${label} below the domain or in the path can be no tunnel`, () => {
    assertRefused('ADIT_TUNNEL_UNKNOWN', `${label}.tunnel.test`, '/');
    assertRefused('ADIT_TUNNEL_UNKNOWN', 'hub.test', `/proxy/request/${label}/`);
  });
}

test('a path without an id can be no tunnel', () => {
  for (const target of ['/proxy/request/', '/proxy/request//x', '/proxy/request/?x']) {
    assertRefused('ADIT_TUNNEL_UNKNOWN', 'hub.test', target);
  }
});

const notHosts = ['', ' ', 'a@b', 'a, b', 'a/../x', 'a b', 'caf\xe9', 'a:80:90', 'a:x', 'a:123456', '[::1', '::1'];
for (const host of [...notHosts, '[evil]', 'a\tb', 'http://a', 'a?b', 'a#b', 'a%41', 'hub.test\r\n']) {
  test(`${JSON.stringify(host)} is refused as a host`, () => {
    assertRefused('ADIT_BAD_REQUEST', host, '/');
  });
}

for (const target of [
  '',
  'x',
  '*',
  '/a b',
  '/a\tb',
  '/a#b',
  '/caf\xe9',
  '/a\x7f',
  '/a\0',
  'ftp://hub.test/',
  'hub.test:443',
  'http:///x',
  'http://a@hub.test/',
  'http://a b/',
]) {
  test(`${JSON.stringify(target)} is refused as a target`, () => {
    assertRefused('ADIT_BAD_REQUEST', 'hub.test', target);
  });
}
