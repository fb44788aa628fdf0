import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AditError } from '#internal/core/errors';
import { BaseUrls } from '#internal/hub/base-urls';
import { Router } from '#internal/hub/edge/router';

const bases = new BaseUrls([new URL('https://hub.test')]);
const router = new Router({ bases, domain: 'tunnel.test', isPathRouting: true });

for (const [host, target] of [
  ['hub.test', '?x'],
  ['.', '/'],
] as const) {
  test(`the host ${host} with the target ${target} is refused`, () => {
    const isRefusal = (error: unknown): boolean => error instanceof AditError && error.code === 'ADIT_BAD_REQUEST';
    assert.throws(() => router.route(host, target), isRefusal);
  });
}
