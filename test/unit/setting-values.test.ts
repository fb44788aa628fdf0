import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oneOf, parseCount, parseDuration } from '#internal/core/config';

const durations: [text: string, ms: number][] = [
  ['30s', 30_000],
  ['500ms', 500],
  ['1m', 60_000],
  ['2h', 7_200_000],
  ['1.5s', 1_500],
  [' 10s ', 10_000],
  ['1ms', 1],
  ['596h', 2_145_600_000],
];
for (const [text, ms] of durations) {
  test(`the duration ${JSON.stringify(text)} is ${ms} ms`, () => assert.equal(parseDuration(text), ms));
}

for (const text of ['', '30', 's', '30 s', '-1s', '1d', '1s1s', '.5s', '1e3s', '30S', 'Infinitys']) {
  test(`${JSON.stringify(text)} is not a duration`, () => {
    assert.throws(() => parseDuration(text), /is not a duration; write it like 30s/);
  });
}

for (const text of ['0s', '0.0ms', '597h', '99999999999999999999h']) {
  test(`the duration ${text} is out of range`, () => assert.throws(() => parseDuration(text), /is out of range/));
}

for (const [text, count] of [
  ['0', 0],
  ['512000', 512_000],
  [' 7 ', 7],
  ['007', 7],
] as const) {
  test(`the count ${JSON.stringify(text)} is ${count}`, () => assert.equal(parseCount(text), count));
}

for (const text of ['', '-1', '1.5', '1e3', '0x10', 'many', '1 2', '9999999999999999', 'NaN']) {
  test(`${JSON.stringify(text)} is not a count`, () => assert.throws(() => parseCount(text), /is not a whole number/));
}

test('one of a few words is taken as it is written', () => {
  const parse = oneOf('auto', 'on', 'off');
  assert.equal(parse('off'), 'off');
  for (const text of ['', 'OFF', 'of', ' on', 'toString']) {
    assert.throws(() => parse(text), { message: `"${text}" is not one of auto, on, off` });
  }
});
