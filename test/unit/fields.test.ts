import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  canonicalFieldName,
  eachField,
  endToEndFields,
  fieldList,
  fieldValue,
  fieldValueToText,
  isFieldName,
  isFieldValue,
  listMembers,
  textToFieldValue,
} from '#internal/http1/fields';

test('a field is found in any letter case, the first value and all as a list', () => {
  const fields = ['X-A', '1', 'x-b', '2', 'x-A', '3'];
  assert.equal(fieldValue(fields, 'x-a'), '1');
  assert.equal(fieldList(fields, 'x-a'), '1, 3');
  assert.equal(fieldValue(fields, 'x-c'), undefined);
  assert.equal(fieldList(fields, 'x-c'), '');
  assert.deepEqual(
    [...eachField(fields)],
    [
      ['X-A', '1'],
      ['x-b', '2'],
      ['x-A', '3'],
    ],
  );
});

test('a value is never taken for a name', () => {
  assert.equal(fieldValue(['a', 'x-b', 'x-b', 'right'], 'x-b'), 'right');
});

test('members of a list are trimmed, in lower case, and empty ones left out', () => {
  assert.deepEqual(listMembers(' Keep-Alive ,, X-A,\tupgrade,'), ['keep-alive', 'x-a', 'upgrade']);
  assert.deepEqual(listMembers(''), []);
});

test('fields of one connection do not pass, nor those that Connection names', () => {
  const own = ['Connection', 'close, X-Secret', 'Keep-Alive', 't', 'TE', 't', 'Trailer', 't', 'Upgrade', 'u'];
  const proxy = ['Proxy-Connection', 'k', 'Proxy-Authenticate', 'a', 'proxy-authorization', 'b'];
  const fields = [
    ...own,
    ...proxy,
    'Transfer-Encoding',
    'chunked',
    'x-secret',
    '1',
    'X-Open',
    '2',
    'Connection',
    'X-Two',
    'X-TWO',
    '3',
  ];
  assert.deepEqual(endToEndFields(fields), ['X-Open', '2']);
});

test('a connection takes no length off a body', () => {
  const fields = ['Connection', 'content-length, x', 'Content-Length', '2', 'X', '1'];
  assert.deepEqual(endToEndFields(fields), ['Content-Length', '2']);
});

test('what passes keeps its order, letter case and repetitions', () => {
  const fields = ['b', '1', 'A', '2', 'b', '3', 'Set-Cookie', 'x', 'set-cookie', 'y'];
  assert.deepEqual(endToEndFields(fields), fields);
});

test('more can be dropped by its lower-case name', () => {
  assert.deepEqual(
    endToEndFields(['Expect', '1', 'X', '2'], (name) => name === 'expect'),
    ['X', '2'],
  );
});

const canonical = [
  ['x-multi', 'X-Multi'],
  ['CONTENT-TYPE', 'Content-Type'],
  ['Sec-WebSocket-Key', 'Sec-Websocket-Key'],
  ['etag', 'Etag'],
  ['x_under-score', 'X_under-Score'],
  ['__proto__', '__proto__'],
  ['1-a', '1-A'],
  ['x--y', 'X--Y'],
] as const;
for (const [name, expected] of canonical) {
  test(`${name} is written ${expected}`, () => {
    assert.equal(canonicalFieldName(name), expected);
    // The second time it is remembered.
    assert.equal(canonicalFieldName(name), expected);
  });
}

test('names stay right when there are more than can be remembered', () => {
  for (let i = 0; i < 2_500; i += 1) assert.equal(canonicalFieldName(`x-many-${i}`), `X-Many-${i}`);
});

test('a field name is a token', () => {
  for (const name of ['X-A', '__proto__', "!#$%&'*+.^_`|~", '0']) assert.ok(isFieldName(name), name);
  for (const name of ['', 'X A', 'X:', 'X\r', 'ž', '(x)', 'x"', 'a\n'])
    assert.ok(!isFieldName(name), JSON.stringify(name));
});

test('a field value has no control character but tab', () => {
  for (const value of ['', 'a b', 'a\tb', '\x80\xff', '~']) assert.ok(isFieldValue(value), JSON.stringify(value));
  for (const value of ['a\rb', 'a\nb', 'a\n', '\0', '\x1f', '\x7f', 'ž'])
    assert.ok(!isFieldValue(value), JSON.stringify(value));
});

for (const text of ['plain', '', 'žluť', '🐎', 'é', '\u{feff}mark', '€ and ž']) {
  test(`the text ${JSON.stringify(text)} becomes bytes of UTF-8 and comes back`, () => {
    const value = textToFieldValue(text);
    assert.deepEqual(Buffer.from(value, 'latin1'), Buffer.from(text, 'utf8'));
    assert.ok(isFieldValue(value));
    assert.equal(fieldValueToText(value), text);
  });
}

test('bytes that are not UTF-8 are taken for latin1', () => {
  assert.equal(fieldValueToText('caf\xe9'), 'café');
  assert.equal(fieldValueToText('\xff\xfe'), 'ÿþ');
});
