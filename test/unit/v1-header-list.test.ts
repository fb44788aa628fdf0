import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeV1, V1DocumentError } from '#messages/v1';
import { documentOf } from '../support/peer.ts';

test('headers that are a list are refused', () => {
  const members = { status: 200, headers: ['a'], contentType: '', body: '' };
  assert.throws(() => decodeV1(documentOf('http-response', members)), V1DocumentError);
});
