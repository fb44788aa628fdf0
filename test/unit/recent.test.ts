import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Recent } from '#internal/http1/recent';
import { Random } from '../support/random.ts';

test('the same text gives the same object, and is made into it once', () => {
  const made: string[] = [];
  const recent = new Recent((text) => ({ made: made.push(text) }), 8);
  const first = recent.of('Host: a\r\n');
  assert.equal(recent.of(`Host: ${'a'}\r\n`), first);
  assert.deepEqual(made, ['Host: a\r\n']);
});

test('texts that look alike are never taken for each other', () => {
  const random = new Random(11);
  const recent = new Recent((text) => ({ text }), 4);
  const texts = Array.from({ length: 500 }, () => `Date: ${random.below(300)}${'x'.repeat(random.below(40))}`);
  for (let i = 0; i < 20_000; i += 1) {
    const text = texts[random.below(texts.length)] as string;
    assert.equal(recent.of(text).text, text);
  }
});

test('what can not be made is tried again, and a long text is not kept', () => {
  let attempts = 0;
  const recent = new Recent((text) => {
    attempts += 1;
    if (attempts === 1) throw new Error('no');
    return { text };
  }, 1);
  assert.throws(() => recent.of('a'));
  assert.equal(recent.of('a').text, 'a');
  const long = 'a'.repeat(4_097);
  assert.notEqual(recent.of(long), recent.of(long));
  assert.equal(attempts, 4);
});

test('where all texts were new, one that comes again and again is soon known', () => {
  const made: string[] = [];
  const recent = new Recent((text) => ({ text, number: made.push(text) }), 8);
  for (let i = 0; i < 1_000; i += 1) assert.equal(recent.of(`Date: ${i}`).text, `Date: ${i}`);
  assert.equal(made.length, 1_000);
  for (let i = 0; i < 100; i += 1) assert.equal(recent.of('Date: now').text, 'Date: now');
  assert.ok(made.length <= 1_032, `it was made ${made.length - 1_000} times`);
});
