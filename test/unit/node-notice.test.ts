import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeNotice, encodeNotice } from '#messages/node';

test('a notice survives its way over the bus', () => {
  const notice = { type: 'evicted', clientId: 'a'.repeat(52), session: 'f3c1' } as const;
  assert.deepEqual(decodeNotice(encodeNotice(notice)), notice);
});

test('members that are not known stay behind', () => {
  const text = '{"type":"evicted","clientId":"a","session":"b","__proto__":{"admin":true},"more":1}';
  assert.deepEqual(decodeNotice(Buffer.from(text)), { type: 'evicted', clientId: 'a', session: 'b' });
});

const unreadable = ['', '{', 'null', '1', '[]', '{}', '{"type":"evicted"}', '{"type":"evicted","clientId":"a"}'];
unreadable.push('{"type":"evicted","clientId":1,"session":"b"}', '{"type":"later","clientId":"a","session":"b"}');
for (const text of unreadable) {
  test(`the notice ${JSON.stringify(text)} is refused with an error`, () => {
    assert.throws(() => decodeNotice(Buffer.from(text)), Error);
  });
}
