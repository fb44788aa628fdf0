import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinedFrame, type PlainMask } from '#internal/link/binary-frame';

test('a small message becomes one whole binary frame', () => {
  const frame = (byteCount: number, mask: PlainMask): string | undefined =>
    joinedFrame(Buffer.alloc(byteCount, 'a'), mask)
      ?.toString('hex')
      .replace(/(61)+$/, '');
  assert.equal(frame(125, 'none'), '827d');
  assert.equal(frame(125, 'zero'), '82fd00000000');
  assert.equal(frame(126, 'none'), '827e007e');
  assert.equal(frame(4_096, 'zero'), '82fe100000000000');
  assert.equal(frame(4_097, 'none'), undefined, 'a long one is not copied');
});
