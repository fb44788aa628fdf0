import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostHeader } from '#internal/agent/origin-request';
import { fieldList } from '#internal/http1/fields';
import { readOwnHead } from '#internal/http1/head';
import { SocketOrigin } from '../support/socket-origin.ts';

const told = ['X-Forwarded-Host', 'a.tunnel.test'];

/** The Host and the X-Forwarded-Host of each case; `self` stands for the origin's own name. */
const cases: [
  what: string,
  hostHeader: HostHeader,
  fields: string[],
  publicHost: string | undefined,
  host: string,
  forwarded: string,
][] = [
  ['rewrite', { kind: 'rewrite' }, told, 'b.tunnel.test', 'self', 'a.tunnel.test'],
  ['rewrite, with a hub that does not tell', { kind: 'rewrite' }, [], 'b.tunnel.test', 'self', 'b.tunnel.test'],
  ['rewrite, with nothing known', { kind: 'rewrite' }, [], undefined, 'self', ''],
  ['preserve', { kind: 'preserve' }, told, 'b.tunnel.test', 'a.tunnel.test', 'a.tunnel.test'],
  [
    'preserve, with a hub that does not tell',
    { kind: 'preserve' },
    [],
    'b.tunnel.test',
    'b.tunnel.test',
    'b.tunnel.test',
  ],
  ['preserve, with nothing known', { kind: 'preserve' }, [], undefined, 'self', ''],
  ['a value', { kind: 'value', value: 'app.test:81' }, told, undefined, 'app.test:81', 'a.tunnel.test'],
  ['a Host from the hub', { kind: 'rewrite' }, ['host', 'evil.test', ...told], undefined, 'self', 'a.tunnel.test'],
];
for (const [what, hostHeader, fields, publicHost, host, forwarded] of cases) {
  test(`with ${what} the service sees the Host ${host}`, async (t) => {
    const service = await SocketOrigin.start(t);
    const { request } = service.forward({ fields: [...fields, 'X-Own', '1'] }, { hostHeader, publicHost });
    request.ended([]);
    const { start, fields: seen } = readOwnHead(await (await service.accept()).head());
    assert.equal(start, 'GET / HTTP/1.1');
    assert.equal(fieldList(seen, 'host'), host === 'self' ? `127.0.0.1:${service.port}` : host);
    assert.equal(fieldList(seen, 'x-forwarded-host'), forwarded);
    assert.equal(fieldList(seen, 'x-own'), '1');
  });
}

test('a target that looks like another host goes to the configured service', async (t) => {
  const service = await SocketOrigin.start(t);
  service.ask({ target: '//evil.test/x' });
  assert.match(await (await service.accept()).head(), /^GET \/\/evil\.test\/x HTTP\/1\.1\r\nHost: 127\.0\.0\.1:/);
});

const came = ['X-Forwarded-Host', 'a.tunnel.test:8443', 'X-Forwarded-Proto', 'https'];

/** The Destination that the service gets; `self` stands for its own URL. */
const destinations: [given: string, hostHeader: HostHeader, fields: string[], expected: string][] = [
  ['https://a.tunnel.test:8443/b%20c?d', { kind: 'rewrite' }, came, 'self/b%20c?d'],
  ['HTTPS://A.tunnel.test:8443/b', { kind: 'rewrite' }, came, 'self/b'],
  ['https://a.tunnel.test:8443/p/b', { kind: 'rewrite' }, [...came, 'X-Forwarded-Prefix', '/p'], 'self/b'],
  ['https://a.tunnel.test:8443/b', { kind: 'value', value: 'dav.test' }, came, 'http://dav.test/b'],
  ['https://a.tunnel.test:8443/b', { kind: 'preserve' }, came, 'https://a.tunnel.test:8443/b'],
  ['/b', { kind: 'rewrite' }, came, '/b'],
  ['https://a.tunnel.test:84433/b', { kind: 'rewrite' }, came, 'https://a.tunnel.test:84433/b'],
  ['https://elsewhere.test/b', { kind: 'rewrite' }, came, 'https://elsewhere.test/b'],
  ['https://a.tunnel.test:8443/b', { kind: 'rewrite' }, [], 'https://a.tunnel.test:8443/b'],
];
for (const [given, hostHeader, fields, expected] of destinations) {
  test(`with ${hostHeader.kind} the service is told to move to ${expected} by ${given}`, async (t) => {
    const service = await SocketOrigin.start(t);
    const sent = ['X-Own', '1', 'destination', given, ...fields];
    service.forward({ method: 'MOVE', fields: sent }, { hostHeader }).request.ended([]);
    const { fields: seen } = readOwnHead(await (await service.accept()).head());
    assert.equal(fieldList(seen, 'destination'), expected.replace('self', `http://127.0.0.1:${service.port}`));
    assert.equal(fieldList(seen, 'x-own'), '1');
  });
}
