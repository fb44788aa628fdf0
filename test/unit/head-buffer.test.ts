import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Http1Error } from '#internal/http1/error';
import { HeadBuffer } from '#internal/http1/head-buffer';

const head = 'HTTP/1.1 200 OK\r\nX-A: 1\r\nX-B: caf\xe9';
const whole = Buffer.from(`${head}\r\n\r\nthe rest\r\n\r\n`, 'latin1');

function refuses(status: number): (error: unknown) => boolean {
  return (error) => error instanceof Http1Error && error.status === status;
}

test('a head that comes at once is given with the bytes behind it', () => {
  const read = new HeadBuffer(1_000).push(whole);
  assert.equal(read?.text, head);
  assert.equal(read?.rest.toString(), 'the rest\r\n\r\n');
});

test('a head that is split at any byte is the same head', () => {
  for (let at = 0; at <= whole.length; at += 1) {
    const buffer = new HeadBuffer(1_000);
    const first = buffer.push(whole.subarray(0, at));
    const isWholeAlready = at >= head.length + 4;
    assert.equal(first !== undefined, isWholeAlready, `split at ${at}`);
    const read = first ?? buffer.push(whole.subarray(at));
    assert.equal(read?.text, head, `split at ${at}`);
    const expected = whole.subarray(head.length + 4, isWholeAlready ? at : undefined);
    assert.deepEqual(read?.rest, expected, `split at ${at}`);
  }
});

test('a head that comes byte by byte is complete with its last byte and not before', () => {
  const buffer = new HeadBuffer(1_000);
  const bytes = [...whole.subarray(0, head.length + 4)].map((byte) => Buffer.from([byte]));
  const last = bytes.pop() as Buffer;
  for (const byte of bytes) assert.equal(buffer.push(byte), undefined);
  const read = buffer.push(last);
  assert.equal(read?.text, head);
  assert.equal(read?.rest.length, 0);
});

test('after one head it takes the next', () => {
  const buffer = new HeadBuffer(1_000);
  const first = buffer.push(Buffer.from('a\r\n\r\nb\r\n\r\nc'));
  assert.equal(first?.text, 'a');
  const second = buffer.push(first?.rest ?? Buffer.alloc(0));
  assert.equal(second?.text, 'b');
  assert.equal(buffer.push(second?.rest ?? Buffer.alloc(0)), undefined);
});

test('a line that ends in LF without CR is refused as soon as it is there', () => {
  assert.throws(() => new HeadBuffer(1_000).push(Buffer.from('HTTP/1.1 200 OK\n')), refuses(400));
  assert.throws(() => new HeadBuffer(1_000).push(Buffer.from('\n')), refuses(400));
  assert.throws(() => new HeadBuffer(1_000).push(Buffer.from('A: b\r\nC: d\n\n')), refuses(400));
});

test('a CR without LF is refused as soon as the byte behind it is there', () => {
  assert.throws(() => new HeadBuffer(1_000).push(Buffer.from('GET / HTTP/1.1\rHost: a\r\r')), refuses(400));
  assert.throws(() => new HeadBuffer(1_000).push(Buffer.from('\r\r')), refuses(400));
  assert.throws(() => new HeadBuffer(1_000).push(Buffer.from('A: b\r\nC: d\re\r\n')), refuses(400));
});

test('half a line end is found wherever the bytes are split', () => {
  for (const text of ['A: b\r\nC: d\nE: f', 'A: b\r\nC: d\rE: f']) {
    const bytes = Buffer.from(text);
    for (let at = 0; at <= bytes.length; at += 1) {
      const buffer = new HeadBuffer(1_000);
      const pushAll = (): void => {
        buffer.push(bytes.subarray(0, at));
        buffer.push(bytes.subarray(at));
      };
      assert.throws(pushAll, refuses(400), `split at ${at}`);
    }
  }
});

test('a CR at the end of one read belongs to the LF of the next', () => {
  const buffer = new HeadBuffer(1_000);
  assert.equal(buffer.push(Buffer.from('A: b\r')), undefined);
  assert.equal(buffer.push(Buffer.from('\nC: d\r\n\r')), undefined);
  assert.equal(buffer.push(Buffer.from('\n'))?.text, 'A: b\r\nC: d');
});

test('a head of exactly the limit passes, one byte more does not', () => {
  assert.equal(new HeadBuffer(10).push(Buffer.from('0123456789\r\n\r\n'))?.text, '0123456789');
  assert.throws(() => new HeadBuffer(10).push(Buffer.from('0123456789a\r\n\r\n')), refuses(431));
});

test('bytes behind the head do not count towards its limit', () => {
  const read = new HeadBuffer(10).push(Buffer.from(`short\r\n\r\n${'x'.repeat(100)}`));
  assert.equal(read?.rest.length, 100);
});

test('a head that never ends is refused at the limit, however it comes', () => {
  const buffer = new HeadBuffer(100);
  const pushMany = (): void => {
    for (let i = 0; i < 200; i += 1) buffer.push(Buffer.from('x'));
  };
  assert.throws(pushMany, refuses(431));
});

test('a head that comes alone is the same as one with bytes behind it', () => {
  for (const head of ['GET / HTTP/1.1\r\nHost: a', '', `a: ${'b'.repeat(5_000)}`]) {
    const alone = new HeadBuffer(8_192).push(Buffer.from(`${head}\r\n\r\n`));
    const followed = new HeadBuffer(8_192).push(Buffer.from(`${head}\r\n\r\nabc`));
    assert.deepEqual([alone?.text, alone?.rest.toString()], [followed?.text, '']);
    assert.equal(followed?.rest.toString(), 'abc');
  }
});

test('of two heads in one chunk the first one is given', () => {
  const read = new HeadBuffer(100).push(Buffer.from('a\r\n\r\nb\r\n\r\n'));
  assert.deepEqual([read?.text, read?.rest.toString()], ['a', 'b\r\n\r\n']);
});
