import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestFraming } from '#internal/http1/body-reader';
import { Http1Error } from '#internal/http1/error';
import { parseRequestHead } from '#internal/http1/parse-head';
import { RequestHeadReader } from '#internal/http1/request-reader';
import { limits } from '#messages/limits';

function refuses(status: number): (error: unknown) => boolean {
  return (error) => error instanceof Http1Error && error.status === status;
}

test('a request head is read into its method, target, version and fields', () => {
  assert.deepEqual(parseRequestHead('GET /a?b HTTP/1.1\r\nHost: a.test\r\nx-a:\t1 \r\nX-A:caf\xe9'), {
    method: 'GET',
    target: '/a?b',
    version: '1.1',
    fields: ['Host', 'a.test', 'x-a', '1', 'X-A', 'caf\xe9'],
  });
  assert.deepEqual(parseRequestHead('M-SEARCH * HTTP/1.0'), {
    method: 'M-SEARCH',
    target: '*',
    version: '1.0',
    fields: [],
  });
});

const refused: [line: string, status: number][] = [
  ['', 400],
  ['GET', 400],
  ['GET /', 400],
  ['GET  / HTTP/1.1', 400],
  ['GET /  HTTP/1.1', 400],
  ['GET / HTTP/1.1 ', 400],
  [' GET / HTTP/1.1', 400],
  ['GET\t/ HTTP/1.1', 400],
  ['G(T / HTTP/1.1', 400],
  ['GET / http/1.1', 400],
  ['GET / HTTP/1.10', 400],
  ['GET / HTTP/1', 400],
  ['GET / x HTTP/1.1', 400],
  ['GET / HTTP/1.2', 505],
  ['GET / HTTP/0.9', 505],
  ['PRI * HTTP/2.0', 505],
  [`GET /${'x'.repeat(limits.requestTarget)} HTTP/1.1`, 414],
  [`GET / HTTP/1.1\r\nX: ${'x'.repeat(limits.fieldLine)}`, 431],
  [`GET / HTTP/1.1${'\r\nx: y'.repeat(limits.fieldCount + 1)}`, 431],
  ['GET / HTTP/1.1\r\n Host: a', 400],
  ['GET / HTTP/1.1\r\nHost : a', 400],
  ['GET / HTTP/1.1\r\nHost', 400],
  ['GET / HTTP/1.1\r\nX: a\rb', 400],
  ['GET / HTTP/1.1\r\nX: a\nY: b', 400],
  ['GET / HTTP/1.1\r\nX: a\0', 400],
];
for (const [text, status] of refused) {
  test(`the head ${JSON.stringify(text.slice(0, 40))} is refused with ${status}`, () => {
    assert.throws(() => parseRequestHead(text), refuses(status));
  });
}

function read(text: string, pieceLength = text.length): { targets: string[]; rest: string } {
  const reader = new RequestHeadReader();
  const targets: string[] = [];
  let rest = Buffer.alloc(0);
  for (let at = 0; at < text.length; at += pieceLength) {
    rest = Buffer.concat([rest, Buffer.from(text.slice(at, at + pieceLength), 'latin1')]);
    for (let got = reader.push(rest); got; got = rest.length > 0 ? reader.push(rest) : undefined) {
      targets.push(got.head.target);
      rest = Buffer.from(got.rest);
    }
    rest = Buffer.alloc(0);
  }
  return { targets, rest: rest.toString('latin1') };
}

const two = '\r\nGET /1 HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\nGET /2 HTTP/1.1\r\n\r\n';

test('heads one behind the other are read however they are split, and empty lines before them left out', () => {
  for (let length = 1; length <= two.length; length += 1) assert.deepEqual(read(two, length).targets, ['/1', '/2']);
});

const hopeless: [what: string, bytes: string, status: number][] = [
  ['a TLS handshake', '\x16\x03\x01', 400],
  ['a greeting of another protocol', 'SSH-2.0-OpenSSH\r\n', 400],
  ['a line that ends in LF alone', 'GET / HTTP/1.1\n', 400],
  ['empty lines without end', '\r\n'.repeat(10), 400],
  ['a later version, before its head is complete', 'GET / HTTP/2.0\r\n', 505],
  ['a target without end', `GET /${'x'.repeat(limits.requestHead)}`, 414],
  ['a head without end', `GET / HTTP/1.1\r\n${`X: ${'x'.repeat(1_000)}\r\n`.repeat(40)}`, 431],
];
for (const [what, bytes, status] of hopeless) {
  test(`${what} is refused with ${status} at once`, () => {
    assert.throws(() => read(bytes), refuses(status));
    assert.throws(() => read(bytes, 700), refuses(status));
  });
}

test('a body is framed in exactly one way', () => {
  const framing = (fields: string[], version: '1.0' | '1.1' = '1.1') => requestFraming({ version, fields });
  assert.deepEqual(framing([]), { kind: 'length', byteCount: 0 });
  assert.deepEqual(framing(['content-length', '12']), { kind: 'length', byteCount: 12 });
  assert.deepEqual(framing(['Content-Length', '7'], '1.0'), { kind: 'length', byteCount: 7 });
  assert.deepEqual(framing(['transfer-encoding', 'Chunked']), { kind: 'chunked' });
});

const framings: [fields: string[], status: number, version?: '1.0'][] = [
  [['Content-Length', '4', 'Transfer-Encoding', 'chunked'], 400],
  [['Content-Length', '4', 'content-length', '4'], 400],
  ...['+2', '0x2', '-1', '2, 2', '', '2 ', '1'.repeat(23), '1e3'].map((v): [string[], number] => [
    ['Content-Length', v],
    400,
  ]),
  ...[
    '',
    ',',
    'chunked,',
    ',chunked',
    'chunked\xa0',
    'gzip,,chunked',
    'xchunked',
    'chunked, identity',
    'chunked, chunked',
    'gzip',
  ].map((v): [string[], number] => [['Transfer-Encoding', v], 400]),
  [['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'], 400],
  [['Transfer-Encoding', 'gzip, chunked'], 501],
  [['Transfer-Encoding', 'gzip', 'Transfer-Encoding', 'chunked'], 501],
  [['Transfer-Encoding', 'chunked'], 400, '1.0'],
];
for (const [fields, status, version = '1.1'] of framings) {
  test(`the framing ${JSON.stringify(fields)} of HTTP/${version} is refused with ${status}`, () => {
    assert.throws(() => requestFraming({ version, fields }), refuses(status));
  });
}

test('a head that comes again is the same object, and one with the same fields says the same of its body and connection', () => {
  const reader = new RequestHeadReader();
  const fields = '\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n';
  const [first, again, other, older] = ['GET /1 HTTP/1.1', 'GET /1 HTTP/1.1', 'GET /2 HTTP/1.1', 'GET /2 HTTP/1.0'].map(
    (line) => reader.push(Buffer.from(line + fields))?.head,
  );
  assert.equal(again, first);
  assert.equal(other?.fields, first?.fields);
  for (const request of [first, other, older]) {
    assert.deepEqual(request?.framing, { kind: 'length', byteCount: 3 });
    assert.equal(request?.isKept, true);
  }
});

test('what fields say is read anew for another version', () => {
  const reader = new RequestHeadReader();
  const kept = ['1.1', '1.0', '1.1'].map(
    (v) => reader.push(Buffer.from(`GET / HTTP/${v}\r\nA: b\r\n\r\n`))?.head.isKept,
  );
  assert.deepEqual(kept, [true, false, true]);
  const chunked = '\r\nTransfer-Encoding: chunked\r\n\r\n';
  assert.equal(reader.push(Buffer.from(`GET / HTTP/1.1${chunked}`))?.head.framing.kind, 'chunked');
  assert.throws(() => reader.push(Buffer.from(`GET / HTTP/1.0${chunked}`)), refuses(400));
});
