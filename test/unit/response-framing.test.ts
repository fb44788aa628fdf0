import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Framing, responseFraming } from '#internal/http1/body-reader';
import { Http1Error } from '#internal/http1/error';

const none: Framing = { kind: 'length', byteCount: 0 };
const framings: [what: string, status: number, fields: string[], method: string, expected: Framing][] = [
  ['a length', 200, ['Content-Length', '5'], 'GET', { kind: 'length', byteCount: 5 }],
  ['the length 0', 200, ['content-length', '0'], 'GET', none],
  ['chunks', 200, ['Transfer-Encoding', 'Chunked'], 'GET', { kind: 'chunked' }],
  ['nothing', 200, [], 'GET', { kind: 'close' }],
  ['nothing, to a POST', 500, [], 'POST', { kind: 'close' }],
  ['a length, to HEAD', 200, ['Content-Length', '5'], 'HEAD', none],
  ['chunks, to HEAD', 200, ['Transfer-Encoding', 'chunked'], 'HEAD', none],
  ['a length and status 204', 204, ['Content-Length', '5'], 'GET', none],
  ['a length and status 304', 304, ['Content-Length', '5'], 'GET', none],
  ['an interim status', 103, [], 'GET', none],
];
for (const [what, status, fields, method, expected] of framings) {
  test(`a response with ${what} is framed as ${expected.kind}`, () => {
    assert.deepEqual(responseFraming(status, fields, method), expected);
  });
}

const refused: [what: string, fields: string[]][] = [
  ['a length and chunks', ['Content-Length', '5', 'Transfer-Encoding', 'chunked']],
  ['chunks and a length', ['Transfer-Encoding', 'chunked', 'Content-Length', '5']],
  ['two lengths', ['Content-Length', '5', 'Content-Length', '6']],
  ['two lengths in one list', ['Content-Length', '5, 6']],
  // The hub would have to choose one as well, so what says it twice does not get that far.
  ['the same length twice', ['Content-Length', '5', 'Content-Length', '5']],
  ['the same length in one list', ['Content-Length', '5, 5']],
  ['a length in a list with nothing', ['Content-Length', '5,']],
  ['an empty length', ['Content-Length', '']],
  ['a negative length', ['Content-Length', '-1']],
  ['a signed length', ['Content-Length', '+5']],
  ['a hexadecimal length', ['Content-Length', '0x5']],
  ['a length with a fraction', ['Content-Length', '5.0']],
  ['a length of words', ['Content-Length', 'five']],
  ['a length of 16 digits', ['Content-Length', '1000000000000000']],
  ['an empty coding', ['Transfer-Encoding', '']],
  ['an empty coding and a length', ['Transfer-Encoding', '', 'Content-Length', '5']],
  ['chunks in a list with nothing', ['Transfer-Encoding', 'chunked,']],
  ['chunks and a blank that is none of HTTP', ['Transfer-Encoding', 'chunked\xa0']],
  ['another coding', ['Transfer-Encoding', 'gzip']],
  ['two codings', ['Transfer-Encoding', 'gzip, chunked']],
  ['chunks twice', ['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked']],
  ['chunks that are not the last coding', ['Transfer-Encoding', 'chunked, identity']],
  ['a coding that only looks like chunks', ['Transfer-Encoding', 'xchunked']],
];
for (const [what, fields] of refused) {
  test(`a response with ${what} is refused`, () => {
    const isRefusal = (error: unknown): boolean => error instanceof Http1Error && error.status === 502;
    assert.throws(() => responseFraming(200, fields, 'GET'), isRefusal);
    assert.throws(() => responseFraming(304, fields, 'HEAD'), isRefusal);
  });
}
