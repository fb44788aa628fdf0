import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecentBlocks } from '#internal/link/v2/recent-blocks';
import { Random } from '../support/random.ts';

interface Made {
  text: string;
}

function madeOf(bytes: Buffer, start: number, end: number): Made {
  return { text: bytes.toString('latin1', start, end) };
}

/** The block somewhere in a buffer, and that buffer overwritten afterwards. */
function read(blocks: RecentBlocks<Made>, text: string, before = 0): Made {
  const bytes = Buffer.from(`${'-'.repeat(before)}${text}-`, 'latin1');
  const made = blocks.of(bytes, before, before + text.length);
  bytes.fill('!');
  return made;
}

test('the same bytes give the same object, wherever they are', () => {
  const blocks = new RecentBlocks(madeOf, 8);
  const first = read(blocks, 'Host: a\r\n');
  assert.equal(first.text, 'Host: a\r\n');
  assert.equal(read(blocks, 'Host: a\r\n', 5), first);
  blocks.clear();
  assert.notEqual(read(blocks, 'Host: a\r\n'), first);
});

test('blocks that look alike are never taken for each other', () => {
  const random = new Random(11);
  const blocks = new RecentBlocks(madeOf, 4);
  const texts = Array.from({ length: 500 }, () => `Date: ${random.below(300)}${'x'.repeat(random.below(400))}`);
  for (let i = 0; i < 20_000; i += 1) {
    const text = texts[random.below(texts.length)] as string;
    assert.equal(read(blocks, text, random.below(8)).text, text);
  }
});

test('what can not be made is tried again, and a long block is not kept', () => {
  let attempts = 0;
  const blocks = new RecentBlocks((bytes, start, end) => {
    attempts += 1;
    if (attempts === 1) throw new Error('no');
    return madeOf(bytes, start, end);
  }, 1);
  assert.throws(() => read(blocks, 'a'));
  const short = read(blocks, 'a');
  const long = 'a'.repeat(4_097);
  assert.notEqual(read(blocks, long), read(blocks, long));
  assert.equal(read(blocks, 'a'), short);
  assert.equal(attempts, 4);
});
