import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handshakeError, proxyError } from '#internal/agent/handshake';

const wallMs = Date.parse('2026-11-21T00:00:00Z');

const expected: [status: number, code: string, text: RegExp][] = [
  [200, 'ADIT_LINK_LOST', /is it a hub\?/],
  [302, 'ADIT_LINK_LOST', /is it a hub\?/],
  [400, 'ADIT_LINK_LOST', /is it a hub\?/],
  [401, 'ADIT_REFUSED', /does not let this agent pass/],
  [403, 'ADIT_REFUSED', /does not let this agent pass/],
  [404, 'ADIT_LINK_LOST', /is it a hub\?/],
  [408, 'ADIT_LINK_LOST', /is it a hub\?/],
  [426, 'ADIT_REFUSED', /does not pass websockets/],
  [429, 'ADIT_HUB_BUSY', /try again later/],
  [500, 'ADIT_LINK_LOST', /the hub is not there/],
  [502, 'ADIT_LINK_LOST', /the hub is not there/],
  [503, 'ADIT_HUB_BUSY', /try again later/],
];

for (const [status, code, text] of expected) {
  test(`handshake: ${status} is ${code}`, () => {
    const error = handshakeError({ status, headers: {} }, wallMs);
    assert.equal(error.code, code);
    assert.match(error.message, text);
    assert.match(error.message, new RegExp(`answered ${status}`));
    assert.equal(error.retryAfterSeconds, undefined);
  });
}

test('handshake: a redirection says where it points', () => {
  const error = handshakeError({ status: 301, headers: { location: 'https://hub.test/' } }, wallMs);
  assert.match(error.message, /points to https:\/\/hub\.test\//);
});

test('handshake: Retry-After is read as seconds and as a date', () => {
  const read = (text: string) =>
    handshakeError({ status: 503, headers: { 'retry-after': text } }, wallMs).retryAfterSeconds;
  assert.equal(read('7'), 7);
  assert.equal(read('Sat, 21 Nov 2026 00:00:30 GMT'), 30);
  assert.equal(read('Fri, 20 Nov 2026 00:00:30 GMT'), 0);
  assert.equal(read('soon'), undefined);
});

test('handshake: a date in Retry-After is held against the one of the answer, since our clock may be wrong', () => {
  const headers = { 'retry-after': 'Sat, 21 Nov 2026 00:00:30 GMT', date: 'Sat, 21 Nov 2026 00:00:20 GMT' };
  for (const wrongMs of [-3_600_000, 3_600_000]) {
    assert.equal(handshakeError({ status: 503, headers }, wallMs + wrongMs).retryAfterSeconds, 10);
  }
});

test('proxy: 407 is its own answer, final, and says what to do', () => {
  const error = proxyError({ status: 407, headers: {} }, new URL('http://user:secret@proxy.test:3128'), wallMs);
  assert.equal(error.code, 'ADIT_REFUSED');
  assert.match(error.message, /the proxy proxy\.test:3128 itself answered 407: .*HTTPS_PROXY/);
  assert.doesNotMatch(error.message, /secret/);
});

test('proxy: whatever else it answers may be otherwise next time', () => {
  for (const status of [403, 502, 503]) {
    const error = proxyError({ status, headers: { 'retry-after': '3' } }, new URL('http://proxy.test'), wallMs);
    assert.equal(error.code, 'ADIT_LINK_LOST');
    assert.match(error.message, /the proxy proxy\.test itself answered/);
    assert.equal(error.retryAfterSeconds, 3);
  }
});
