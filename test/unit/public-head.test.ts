import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publicHead } from '#internal/agent/public-head';

const names = { host: 'localhost:3000', publicUrl: 'https://id.tunnel.test', origin: undefined };

/** Where a visitor is sent whom the service sends to `location`. */
function sentTo(location: string, status = 302, given: Parameters<typeof publicHead>[1] = names): string {
  const head = publicHead({ status, reason: 'Found', fields: ['X-A', '1', 'location', location, 'X-B', '2'] }, given);
  assert.deepEqual(head.fields.toSpliced(2, 2), ['X-A', '1', 'X-B', '2']);
  assert.deepEqual([head.status, head.reason, head.fields[2]], [status, 'Found', 'location']);
  return head.fields[3] as string;
}

test('a redirect to the name that the service was told leads to the public one', () => {
  assert.equal(
    sentTo('http://localhost:3000/a/?b=http://localhost:3000/#c'),
    'https://id.tunnel.test/a/?b=http://localhost:3000/#c',
  );
  assert.equal(sentTo('https://LocalHost:3000/'), 'https://id.tunnel.test/');
  assert.equal(sentTo('http://localhost:3000'), 'https://id.tunnel.test');
  assert.equal(sentTo('http://localhost:3000?q'), 'https://id.tunnel.test?q');
  for (const status of [201, 301, 303, 307, 308])
    assert.equal(sentTo('http://localhost:3000/x', status), 'https://id.tunnel.test/x');
});

test('where the hub serves by path it leads below that', () => {
  const byPath = { ...names, publicUrl: 'https://hub.test/proxy/request/id' };
  assert.equal(sentTo('http://localhost:3000/a', 302, byPath), 'https://hub.test/proxy/request/id/a');
});

test('a redirect to anywhere else stays as it is', () => {
  for (const location of [
    '/a',
    'a',
    '',
    '//localhost:3000/a',
    'http://localhost:3001/a',
    'http://localhost/a',
    'http://localhost:3000.evil.test/',
    'http://localhost:3000@evil.test/',
    'http://evil.test/http://localhost:3000/',
    'ftp://localhost:3000/',
    'http://169.254.169.254/latest/',
  ]) {
    assert.equal(sentTo(location), location);
  }
});

test('so does every other answer, and one to a service that is told the public name', () => {
  assert.equal(sentTo('http://localhost:3000/a', 200), 'http://localhost:3000/a');
  assert.equal(sentTo('http://localhost:3000/a', 302, { ...names, publicUrl: undefined }), 'http://localhost:3000/a');
  const head = { status: 302, reason: 'Found', fields: ['X-A', 'http://localhost:3000/'] };
  assert.equal(publicHead(head, names), head);
});

test('a cookie for the name that the service was told is for the public one, and others stay as they are', () => {
  const cookies = {
    'a=1; Path=/; Domain=localhost; HttpOnly': 'a=1; Path=/; HttpOnly',
    'a=1;domain = .LocalHost ;Secure': 'a=1;Secure',
    'a=1; domain=localhost': 'a=1',
    'a=1; Domain=localhost.test': 'a=1; Domain=localhost.test',
    'a=1; Domain=tunnel.test': 'a=1; Domain=tunnel.test',
    'a=domain=localhost; Path=/': 'a=domain=localhost; Path=/',
    'a=1; Domain=x.test; Path=localhost': 'a=1; Domain=x.test; Path=localhost',
    'a=1; Domain=': 'a=1; Domain=',
  };
  for (const [cookie, expected] of Object.entries(cookies)) {
    const head = { status: 200, reason: 'OK', fields: ['Set-Cookie', 'z=1', 'SET-COOKIE', cookie] };
    assert.deepEqual(publicHead(head, names).fields, ['Set-Cookie', 'z=1', 'SET-COOKIE', expected]);
    assert.equal(publicHead(head, { ...names, publicUrl: undefined }), head);
  }
});
