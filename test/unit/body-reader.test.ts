import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bodyReader, type Framing } from '#internal/http1/body-reader';
import { Http1Error } from '#internal/http1/error';

interface Reading {
  body: string;
  /** What came behind the end; undefined while it goes on. */
  rest: string | undefined;
  trailers: string[];
  canEndHere: boolean;
}

/** Reads pieces that come one after the other; those behind the end are part of the rest. */
function read(framing: Framing, pieces: Buffer[]): Reading {
  const chunks: Buffer[] = [];
  const reader = bodyReader(framing, (chunk) => chunks.push(Buffer.from(chunk)));
  let rest: Buffer | undefined;
  for (const piece of pieces) rest = rest ? Buffer.concat([rest, piece]) : reader.push(piece);
  const body = Buffer.concat(chunks).toString('latin1');
  return { body, rest: rest?.toString('latin1'), trailers: reader.trailers, canEndHere: reader.canEndHere };
}

function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

const chunked: Framing = { kind: 'chunked' };

test('a body of known length ends there', () => {
  const framing: Framing = { kind: 'length', byteCount: 5 };
  assert.deepEqual(read(framing, [bytes('helloNEXT')]), {
    body: 'hello',
    rest: 'NEXT',
    trailers: [],
    canEndHere: true,
  });
  assert.deepEqual(read(framing, [bytes('hel')]), { body: 'hel', rest: undefined, trailers: [], canEndHere: false });
  assert.equal(read(framing, [bytes('hel'), bytes('lo')]).rest, '');
});

test('a body of no length is over before it begins', () => {
  assert.equal(read({ kind: 'length', byteCount: 0 }, [bytes('NEXT')]).rest, 'NEXT');
});

test('a body that ends with the connection never ends before', () => {
  const reading = read({ kind: 'close' }, [bytes('hel'), bytes('lo')]);
  assert.deepEqual(reading, { body: 'hello', rest: undefined, trailers: [], canEndHere: true });
});

test('chunks split at any byte give the same body, trailers and rest', () => {
  const wire = bytes(
    '5\r\nhello\r\n00000000000000000A ;x="y"; z\r\n 123456789\r\n0;last\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\nNEXT',
  );
  for (let at = 0; at <= wire.length; at += 1) {
    assert.deepEqual(
      read(chunked, [wire.subarray(0, at), wire.subarray(at)]),
      { body: 'hello 123456789', rest: 'NEXT', trailers: ['X-Sum', '1', 'x-sum', '2'], canEndHere: false },
      `split at ${at}`,
    );
  }
});

test('a chunked body without its last chunk is not over', () => {
  for (const wire of ['', '5\r\nhello', '5\r\nhello\r\n', '5\r\nhello\r\n0', '5\r\nhello\r\n0\r\n', '0\r\nX: y\r\n']) {
    const reading = read(chunked, [bytes(wire)]);
    assert.deepEqual([reading.rest, reading.canEndHere], [undefined, false], wire);
  }
});

test('an empty chunked body has no trailers', () => {
  assert.deepEqual(read(chunked, [bytes('0\r\n\r\n')]), { body: '', rest: '', trailers: [], canEndHere: false });
});

const refused: [wire: string, status: number][] = [
  ['5\r\r', 400],
  ['0\r\r', 400],
  ['5\r\nhello\rx', 400],
  ['0\r\nX-A: 1\r\r', 400],
  ['\r\n', 400],
  ['x\r\n', 400],
  ['0x2\r\n', 400],
  ['-1\r\n', 400],
  ['+1\r\n', 400],
  [' 1\r\n', 400],
  ['1 2\r\n', 400],
  ['fffffffffffffffff\r\n', 400],
  ['2\nab\r\n', 400],
  ['2;\nxx', 400],
  ['2;a\0\r\n', 400],
  ['2;a\rb\r\n', 400],
  ['2\r\nabc\r\n', 400],
  ['2\r\nab\n0\r\n\r\n', 400],
  ['2\r\nabX\r\n', 400],
  ['0\r\nbad trailer\r\n\r\n', 400],
  ['0\r\nX: y\n\r\n', 400],
  ['0\r\n folded\r\n\r\n', 400],
  [`1;${'x'.repeat(20_000)}\r\n`, 413],
  [`1;${'x'.repeat(20_000)}`, 413],
  [`0\r\nX: ${'y'.repeat(40_000)}`, 431],
];
for (const [wire, status] of refused) {
  test(`the chunks ${JSON.stringify(wire.slice(0, 30))} are refused with ${status}, however they are split`, () => {
    const isRefusal = (error: unknown): boolean => error instanceof Http1Error && error.status === status;
    assert.throws(() => read(chunked, [bytes(wire)]), isRefusal);
    const single = [...wire].map(bytes);
    assert.throws(() => read(chunked, single), isRefusal);
  });
}

const extension = fc.constantFrom('', ';a', ' ;a=b', ';a="b;c"', '\t;x');

test('any body in any chunks and any split gives the same bytes and the same rest', () => {
  const part = fc.record({ data: fc.uint8Array({ minLength: 1, maxLength: 40 }), extension, isUpper: fc.boolean() });
  const cuts = fc.array(fc.nat(400), { maxLength: 12 });
  const property = fc.property(
    fc.array(part, { maxLength: 8 }),
    fc.uint8Array({ maxLength: 20 }),
    cuts,
    (parts, rest, at) => {
      const written = parts.flatMap(({ data, extension: words, isUpper }) => {
        const size = data.length.toString(16);
        return [bytes(`${isUpper ? size.toUpperCase() : size}${words}\r\n`), Buffer.from(data), bytes('\r\n')];
      });
      const wire = Buffer.concat([...written, bytes('0\r\n\r\n'), rest]);
      const places = [0, ...at.map((place) => place % (wire.length + 1)).sort((a, b) => a - b), wire.length];
      const pieces = places.slice(1).map((end, i) => wire.subarray(places[i], end));
      const reading = read(chunked, pieces);
      assert.equal(reading.body, Buffer.concat(parts.map(({ data }) => data)).toString('latin1'));
      assert.equal(reading.rest, Buffer.from(rest).toString('latin1'));
    },
  );
  fc.assert(property, { numRuns: 300 });
});

test('any body of any length and any split gives the same bytes and the same rest', () => {
  const piece = fc.uint8Array({ maxLength: 30 });
  const property = fc.property(fc.array(piece, { maxLength: 8 }), fc.nat(100), (pieces, wanted) => {
    const wire = Buffer.concat(pieces);
    const byteCount = Math.min(wanted, wire.length);
    const reading = read({ kind: 'length', byteCount }, [...pieces.map((each) => Buffer.from(each)), Buffer.alloc(0)]);
    assert.equal(reading.body, wire.toString('latin1', 0, byteCount));
    assert.equal(reading.rest, wire.toString('latin1', byteCount));
  });
  fc.assert(property, { numRuns: 300 });
});
