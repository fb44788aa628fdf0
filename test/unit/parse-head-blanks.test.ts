import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Http1Error } from '#internal/http1/error';
import { parseFields } from '#internal/http1/parse-head';
import { longestStall } from '../support/event-loop.ts';

test('a field line of many blanks and a control character is refused in less than 50 ms', async () => {
  const line = `X:${' '.repeat(30_000)}\0`;
  const stallMs = await longestStall(async () => assert.throws(() => parseFields(line, 0), Http1Error));
  assert.ok(stallMs < 50, `it took ${stallMs} ms`);
});
