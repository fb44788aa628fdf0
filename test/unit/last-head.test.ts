import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HeadRead, LastHead } from '#internal/http1/last-head';
import { RequestHeadReader } from '#internal/http1/request-reader';
import { Random } from '../support/random.ts';

type Line = { line: string };

/** Reads lines as heads, and counts those that it reads anew. */
function lineReader(): { read(text: string): HeadRead<Line> | undefined; readCount(): number } {
  const last = new LastHead<Line>();
  let count = 0;
  const anew = (bytes: Buffer): HeadRead<Line> | undefined => {
    const end = bytes.indexOf(10);
    if (end === -1) return undefined;
    count += 1;
    return { head: { line: bytes.toString('latin1', 0, end) }, rest: bytes.subarray(end + 1) };
  };
  return { read: (text) => last.read(Buffer.from(text, 'latin1'), anew), readCount: () => count };
}

test('the same bytes give the same head, with whatever stands behind them this time', () => {
  const { read, readCount } = lineReader();
  const first = read('abc\n');
  for (const rest of ['', 'def\n', 'abc\n']) {
    const again = read(`abc\n${rest}`);
    assert.equal(again?.head, first?.head);
    assert.equal(again?.rest.toString(), rest);
  }
  assert.equal(readCount(), 1);
});

test('a head that differs in one byte, or is not whole, is read anew', () => {
  const { read, readCount } = lineReader();
  read('abc\n');
  assert.equal(read('abc'), undefined);
  assert.equal(read('abd\n')?.head.line, 'abd');
  assert.equal(read('abcd\n')?.head.line, 'abcd');
  assert.equal(read('abc\n')?.head.line, 'abc');
  assert.equal(readCount(), 4);
});

test('a long head is not kept, nor taken for the one before it', () => {
  const { read, readCount } = lineReader();
  const long = `${'x'.repeat(5_000)}\n`;
  read('abc\n');
  assert.equal(read(long)?.head.line.length, 5_000);
  assert.equal(read(long)?.head.line.length, 5_000);
  assert.equal(read('abc\n')?.head.line, 'abc');
  assert.equal(readCount(), 4);
});

test('what was kept stays as it was when the buffer that it was read from is used again', () => {
  const last = new LastHead<string>();
  const bytes = Buffer.from('abc\n');
  const anew = (from: Buffer) => ({ head: from.toString(), rest: from.subarray(4) });
  last.read(bytes, anew);
  bytes.write('xyz\n');
  assert.equal(last.read(bytes, anew)?.head, 'xyz\n');
});

test('requests are read alike whatever came before them on the connection', () => {
  const random = new Random(7);
  const pick = <T>(items: readonly T[]): T => items[random.below(items.length)] as T;
  const reader = new RequestHeadReader();
  for (let i = 0; i < 5_000; i += 1) {
    const empty = pick(['', '', '\r\n', '\r\n\r\n']);
    const line = `GET /${pick(['', 'a', 'b'])} HTTP/${pick(['1.1', '1.0'])}`;
    const head = `${empty}${line}\r\nHost: a${pick(['', '\r\nConnection: close', '\r\nContent-Length: 2'])}\r\n\r\n`;
    const behind = pick(['', '', 'xy', 'GET / HTTP/1.1\r\n\r\n']);
    const bytes = Buffer.from(head + behind);
    const cut = pick([0, 0, 1, 3, head.length - 2]);
    const read =
      cut === 0 ? reader.push(bytes) : (reader.push(bytes.subarray(0, cut)) ?? reader.push(bytes.subarray(cut)));
    assert.deepEqual(read, new RequestHeadReader().push(bytes), head);
  }
});
