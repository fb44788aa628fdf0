import assert from 'node:assert/strict';
import { test } from 'node:test';
import { passableTrailers, writeLastChunk } from '#internal/http1/trailers';

const passing = [
  'grpc-status',
  'grpc-message',
  'grpc-status-details-bin',
  'Server-Timing',
  'Digest',
  'Content-Digest',
  'Repr-Digest',
  'ETag',
  'x-amz-checksum-crc32c',
  'X-Sum',
];
const held = {
  'of the connection': [
    'Connection',
    'Keep-Alive',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'Proxy-Authorization',
  ],
  'that frame a body, or say what it is': ['Content-Length', 'Content-Encoding', 'Content-Type', 'Content-Range'],
  'that route, or ask for something': ['Host', 'Expect', 'Max-Forwards', 'Range', 'If-Match', 'If-None-Match'],
  'that show who one is': ['Authorization', 'Cookie', 'Set-Cookie', 'WWW-Authenticate'],
  'that say what becomes of the answer': ['Cache-Control', 'Age', 'Date', 'Expires', 'Location', 'Retry-After', 'Vary'],
  'that tell who asked': ['Forwarded', 'X-Forwarded-For', 'x_forwarded_for', 'X-Real-IP'],
  'of Adit itself': ['Adit-Error'],
};

for (const name of passing) {
  test(`the trailer ${name} passes`, () => {
    assert.deepEqual(passableTrailers([name, '0', 'Location', '/', 'Connection', 'close']), [name, '0']);
  });
}

for (const [what, names] of Object.entries(held)) {
  test(`trailers ${what} stay behind`, () => {
    for (const name of names) assert.deepEqual(passableTrailers([name, 'v', 'X-Sum', '1']), ['X-Sum', '1'], name);
  });
}

test('the last chunk has the trailers as field lines', () => {
  assert.equal(writeLastChunk([]), '0\r\n\r\n');
  assert.equal(writeLastChunk(['X-Sum', '1', 'x-sum', '2']), '0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n');
});
