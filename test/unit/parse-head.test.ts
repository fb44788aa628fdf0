import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Http1Error } from '#internal/http1/error';
import { readOwnHead, writeRequestHead, writeResponseHead } from '#internal/http1/head';
import { parseFields, parseResponseHead } from '#internal/http1/parse-head';
import { limits } from '#messages/limits';

function refuses(status: number): (error: unknown) => boolean {
  return (error) => error instanceof Http1Error && error.status === status;
}

test('a response head is read with its version, status, reason and fields as they were written', () => {
  const text = 'HTTP/1.1 404 Not Found\r\nset-cookie: a=1\r\nSet-Cookie:b=2 \t\r\nX-Empty:\r\nX-Latin: caf\xe9';
  assert.deepEqual(parseResponseHead(text), {
    version: '1.1',
    status: 404,
    reason: 'Not Found',
    fields: ['set-cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-Empty', '', 'X-Latin', 'caf\xe9'],
  });
});

const firstLines: [line: string, version: string, status: number, reason: string][] = [
  ['HTTP/1.0 200 OK', '1.0', 200, 'OK'],
  ['HTTP/1.1 200', '1.1', 200, ''],
  ['HTTP/1.1 200 ', '1.1', 200, ''],
  ['HTTP/1.1 100 Continue', '1.1', 100, 'Continue'],
  ['HTTP/1.1 599 caf\xe9', '1.1', 599, 'caf\xe9'],
];
for (const [line, version, status, reason] of firstLines) {
  test(`${JSON.stringify(line)} is a status line`, () => {
    assert.deepEqual(parseResponseHead(line), { version, status, reason, fields: [] });
  });
}

const notStatusLines = [
  '',
  'HTTP/2 200 OK',
  'HTTP/1.2 200 OK',
  'http/1.1 200 OK',
  'HTTP/1.1  200 OK',
  'HTTP/1.1 20 OK',
];
notStatusLines.push('HTTP/1.1 2000 OK', 'HTTP/1.1 099 OK', 'HTTP/1.1 2e2 OK', ' HTTP/1.1 200 OK', 'HTTP/1.1 200 O\0K');
notStatusLines.push('HTTP/1.1 200OK', 'SSH-2.0-server', 'HTTP/1.1 200 a\nX: y', '\r\nHTTP/1.1 200 OK', 'ICY 200 OK');
for (const line of notStatusLines) {
  test(`${JSON.stringify(line)} is no status line`, () => assert.throws(() => parseResponseHead(line), refuses(502)));
}

const notFieldLines = [
  'X',
  'X A: b',
  'X : b',
  ' X: b',
  '\tX: b',
  ': b',
  'X: a\0b',
  'X: a\x01',
  'X: a\x7f',
  'X: a\nY: b',
];
notFieldLines.push('X: a\rb', 'X: a\r\n  folded', 'X: a\r\n\r\nY: b', 'ž: a', 'X(: a');
for (const lines of notFieldLines) {
  test(`the field lines ${JSON.stringify(lines)} are refused`, () => {
    assert.throws(() => parseFields(lines, 0), refuses(400));
    assert.throws(() => parseResponseHead(`HTTP/1.1 200 OK\r\n${lines}`), refuses(400));
  });
}

test('as many field lines as the limit pass, one more does not', () => {
  const lines = (count: number): string => new Array<string>(count).fill('a: b').join('\r\n');
  assert.equal(parseFields(lines(limits.fieldCount), 0).length, 2 * limits.fieldCount);
  assert.throws(() => parseFields(lines(limits.fieldCount + 1), 0), refuses(431));
});

test('a head that we write is the one that we read', () => {
  const fields = ['Host', 'a.test', 'X-A', '1', 'x-a', 'caf\xe9'];
  assert.equal(
    writeRequestHead({ method: 'GET', target: '/a?b', fields }),
    'GET /a?b HTTP/1.1\r\nHost: a.test\r\nX-A: 1\r\nx-a: caf\xe9\r\n\r\n',
  );
  const written = writeResponseHead({ status: 201, reason: 'Made', fields });
  assert.deepEqual(parseResponseHead(written.slice(0, -4)), { version: '1.1', status: 201, reason: 'Made', fields });
  assert.deepEqual(readOwnHead(written), { start: 'HTTP/1.1 201 Made', fields });
});

test('a head without fields or reason is written and read', () => {
  const written = writeResponseHead({ status: 204, reason: '', fields: [] });
  assert.equal(written, 'HTTP/1.1 204 \r\n\r\n');
  assert.equal(parseResponseHead(written.slice(0, -4)).status, 204);
});
