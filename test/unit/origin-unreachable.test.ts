import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Advice } from '#internal/agent/advice';
import { dispatch } from '#internal/agent/dispatch';
import { Origin } from '#internal/agent/origin';
import { parseOrigin } from '#internal/agent/origin-address';
import type { AditError } from '#internal/core/errors';
import { FakeClock } from '../support/fake-clock.ts';
import { freePort } from '../support/processes.ts';

for (const host of ['127.0.0.1', 'localhost']) {
  for (const body of ['', 'hello']) {
    test(`where nothing listens at ${host} the service is unreachable, for a body of ${body.length} bytes`, async () => {
      const port = await freePort();
      const origin = new Origin(parseOrigin(`${host}:${port}`), new FakeClock());
      const error = await new Promise<AditError>((resolve) => {
        const ignore = (): void => undefined;
        const stream = { head: ignore, write: () => true, end: ignore, stop: ignore, reset: resolve, consumed: ignore };
        const accept = dispatch({
          origin,
          hostHeader: { kind: 'rewrite' },
          publicHost: () => undefined,
          probes: { nonceOf: () => undefined },
          advice: new Advice(ignore),
        });
        const request = accept(
          { method: 'POST', target: '/', fields: ['Content-Length', String(body.length)] },
          stream,
        );
        if (body !== '') request.data(Buffer.from(body));
        request.ended([]);
      });
      assert.equal(error.code, 'ADIT_ORIGIN_UNREACHABLE', error.message);
      assert.match(error.message, new RegExp(`^nothing answers at ${host}:${port}: .*ECONNREFUSED`));
    });
  }
}
