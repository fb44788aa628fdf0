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
