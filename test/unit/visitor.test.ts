import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldList } from '#internal/http1/fields';
import { Networks } from '#internal/hub/addresses';
import { forwardedRequestFields, identifyVisitor } from '#internal/hub/edge/visitor';

const trusted = Networks.parse('loopback, 10.0.0.0/8');
const proxy = { address: '10.0.0.1', isEncrypted: false };
const stranger = { address: '203.0.113.9', isEncrypted: false };
const at = { host: 'a.tunnel.test', prefix: '' };

/** What goes on to the agent. */
function forwarded(socket: { address: string; isEncrypted: boolean }, fields: string[], where = at): string[] {
  return forwardedRequestFields(fields, identifyVisitor(socket, fields, trusted), where);
}

const told = [
  'X-Forwarded-For',
  '6.6.6.6',
  'X-Forwarded-Proto',
  'https',
  'X-Forwarded-Host',
  'evil.test',
  'Forwarded',
  'for=6.6.6.6',
];

test('a stranger is who the socket shows', () => {
  const visitor = { address: '203.0.113.9', proto: 'http', peer: '203.0.113.9', isPeerTrusted: false };
  assert.deepEqual(identifyVisitor(stranger, told, trusted), visitor);
  assert.equal(identifyVisitor({ ...stranger, isEncrypted: true }, [], trusted).proto, 'https');
});

test('what a stranger tells of itself is overwritten', () => {
  assert.deepEqual(forwarded(stranger, [...told, 'X-Own', '1']), [
    'X-Own',
    '1',
    'X-Forwarded-For',
    '203.0.113.9',
    'X-Forwarded-Proto',
    'http',
    'X-Forwarded-Host',
    'a.tunnel.test',
    'Forwarded',
    'for=203.0.113.9;host=a.tunnel.test;proto=http',
  ]);
});

test('a trusted proxy is believed, and what it tells is appended to', () => {
  const fields = [
    'X-Forwarded-For',
    '203.0.113.9',
    'X-Forwarded-Proto',
    'HTTPS',
    'X-Forwarded-Host',
    'b.test',
    'Forwarded',
    'for=203.0.113.9',
  ];
  const visitor = { address: '203.0.113.9', proto: 'https', peer: '10.0.0.1', isPeerTrusted: true };
  assert.deepEqual(identifyVisitor(proxy, fields, trusted), visitor);
  const out = forwarded(proxy, fields);
  assert.equal(fieldList(out, 'x-forwarded-for'), '203.0.113.9, 10.0.0.1');
  assert.equal(fieldList(out, 'x-forwarded-proto'), 'https');
  assert.equal(fieldList(out, 'x-forwarded-host'), 'b.test');
  assert.equal(fieldList(out, 'forwarded'), 'for=203.0.113.9, for=10.0.0.1;host=a.tunnel.test;proto=https');
});

test('where a trusted proxy does not use Forwarded, it says the same as the others', () => {
  const xForwarded = [
    'X-Forwarded-For',
    '203.0.113.9, 10.0.0.7',
    'X-Forwarded-Host',
    'b.test:8443',
    'X-Forwarded-Proto',
    'https',
  ];
  const out = forwarded(proxy, xForwarded);
  const first = 'for=203.0.113.9;host="b.test:8443";proto=https';
  assert.equal(fieldList(out, 'forwarded'), `${first}, for=10.0.0.7, for=10.0.0.1`);
  const odd = forwarded(proxy, ['X-Forwarded-For', '2001:db8::9, evil";proto=x']);
  const kept = 'for="[2001:db8::9]";host=a.tunnel.test;proto=http';
  assert.equal(fieldList(odd, 'forwarded'), `${kept}, for=unknown, for=10.0.0.1`);
});

test('a list of hops that is too long to be true makes Forwarded no longer than the list', () => {
  const wayOf = (list: string) => fieldList(forwarded(proxy, ['X-Forwarded-For', list]), 'forwarded');
  for (const hop of ['a', '::', '']) {
    assert.equal(wayOf(`${hop},`.repeat(3_000)), 'for=10.0.0.1;host=a.tunnel.test;proto=http');
  }
  assert.equal(wayOf('::,'.repeat(30).slice(0, -1)).split(',').length, 31);
});

test('of the hosts that a trusted proxy tells, the last one goes on, and none that is not one', () => {
  const hostOf = (value: string) => fieldList(forwarded(proxy, ['X-Forwarded-Host', value]), 'x-forwarded-host');
  assert.equal(hostOf('b.test:8443'), 'b.test:8443');
  assert.equal(hostOf('evil.test, b.test'), 'b.test');
  for (const value of ['', 'a b', 'b.test/path', 'user@b.test', 'b.test,'])
    assert.equal(hostOf(value), 'a.tunnel.test');
});

test('each forwarding field goes on once, however often it came', () => {
  const out = forwarded(proxy, ['x-forwarded-for', '1.1.1.1', 'X-FORWARDED-FOR', '2.2.2.2', ...told]);
  const names = out.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
  assert.equal(new Set(names).size, names.length);
  assert.equal(fieldList(out, 'x-forwarded-for'), '1.1.1.1, 2.2.2.2, 6.6.6.6, 10.0.0.1');
});

const hops: [list: string, address: string][] = [
  ['203.0.113.9', '203.0.113.9'],
  ['6.6.6.6, 203.0.113.9, 10.0.0.7', '203.0.113.9'],
  ['6.6.6.6,203.0.113.9,10.0.0.7 , 127.0.0.1', '203.0.113.9'],
  ['10.0.0.5, 10.0.0.7', '10.0.0.1'],
  ['2001:db8::9', '2001:db8::9'],
  [', ,', '10.0.0.1'],
  ['', '10.0.0.1'],
];
for (const [list, address] of hops) {
  test(`of the hops ${JSON.stringify(list)} behind a trusted proxy the visitor is ${address}`, () => {
    assert.equal(identifyVisitor(proxy, ['X-Forwarded-For', list], trusted).address, address);
  });
}

test('hops that came in several fields are one list', () => {
  const fields = ['X-Forwarded-For', '6.6.6.6', 'x-forwarded-for', '203.0.113.9, 10.2.2.2'];
  assert.equal(identifyVisitor(proxy, fields, trusted).address, '203.0.113.9');
});

for (const proto of ['ftp', '', 'https, http', 'javascript']) {
  test(`the scheme ${JSON.stringify(proto)} of a trusted proxy counts for nothing`, () => {
    assert.equal(identifyVisitor(proxy, ['X-Forwarded-Proto', proto], trusted).proto, 'http');
  });
}

test('names that some servers read as a forwarding field are dropped, even from a trusted proxy', () => {
  const fields = [
    'X_Forwarded_For',
    '1',
    'x-forwarded_host',
    '2',
    'X_Real_IP',
    '3',
    'X_FORWARDED-PROTO',
    '4',
    'x_forwarded_port',
    '5',
  ];
  const ours = ['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'Forwarded'];
  for (const socket of [stranger, proxy]) {
    assert.deepEqual(
      forwarded(socket, fields).filter((_, i) => i % 2 === 0),
      ours,
    );
  }
});

test('other underscores pass', () => {
  assert.deepEqual(forwarded(stranger, ['X_Own_Field', '1', '__proto__', '2']).slice(0, 4), [
    'X_Own_Field',
    '1',
    '__proto__',
    '2',
  ]);
});

test('further forwarding fields pass only from a trusted proxy', () => {
  const fields = ['X-Real-IP', '6.6.6.6', 'X-Forwarded-Port', '443', 'X-Forwarded-Prefix', '/x'];
  assert.equal(forwarded(stranger, fields).includes('6.6.6.6'), false);
  assert.equal(forwarded(stranger, fields).includes('X-Forwarded-Prefix'), false);
  assert.deepEqual(forwarded(proxy, fields).slice(0, 6), fields);
});

test('fields that Connection names are taken away first, then ours are added', () => {
  const out = forwarded(stranger, [
    'Connection',
    'close, X-Forwarded-For, X-Own',
    'X-Forwarded-For',
    '6.6.6.6',
    'X-Own',
    '1',
  ]);
  assert.equal(fieldList(out, 'x-forwarded-for'), '203.0.113.9');
  assert.equal(out.includes('X-Own'), false);
});

test('Expect and the fields of the connection stay here', () => {
  const out = forwarded(stranger, [
    'Expect',
    '100-continue',
    'TE',
    'trailers',
    'Keep-Alive',
    '1',
    'Proxy-Authorization',
    'x',
    'Cookie',
    'a=1',
  ]);
  assert.deepEqual(out.slice(0, 4), ['Cookie', 'a=1', 'X-Forwarded-For', '203.0.113.9']);
});

test('path routing tells what it took off the target', () => {
  const out = forwarded(stranger, [], { host: 'hub.test', prefix: '/proxy/request/x' });
  assert.deepEqual(out.slice(-2), ['X-Forwarded-Prefix', '/proxy/request/x']);
  assert.equal(fieldList(forwarded(stranger, ['X-Forwarded-Prefix', '/evil']), 'x-forwarded-prefix'), '');
});

test('an IPv6 peer is written in brackets and quotes where that is asked for', () => {
  const out = forwarded({ address: '2001:db8::1', isEncrypted: true }, []);
  assert.equal(fieldList(out, 'x-forwarded-for'), '2001:db8::1');
  assert.equal(fieldList(out, 'forwarded'), 'for="[2001:db8::1]";host=a.tunnel.test;proto=https');
});
