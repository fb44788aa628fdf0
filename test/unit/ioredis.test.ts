import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInThisContext } from 'node:vm';
import '#internal/core/ioredis';

test('methods of texts stay as fast as they are without the library', () => {
  setFlagsFromString('--allow-natives-syntax');
  assert.equal(runInThisContext('%HasFastProperties(String.prototype)'), true);
});
