import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeReason } from '#internal/link/close-reason';
import { longestStall } from '../support/event-loop.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { documentOf } from '../support/peer.ts';
import { V1Hub } from '../support/v1-hub.ts';

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const withStatus = (status: string): string =>
  documentOf('http-response', { status: 0 }).replace('"status":0', `"status":${status}`);

const hostile: Record<string, string> = {
  'a status that is nested 5,000 deep': withStatus(nested(5_000)),
  'a status of 60 kB': withStatus(JSON.stringify('a'.repeat(60_000))),
  'a status of 1 MB': withStatus(JSON.stringify('a'.repeat(1_000_000))),
  'a header name of 1 MB': documentOf('http-response', { status: 200, headers: { ['a'.repeat(1_000_000)]: 1 } }),
  'a document that is nested 500,000 deep': nested(500_000),
};

for (const [what, text] of Object.entries(hostile)) {
  test(`${what} from a stranger closes its websocket, and no other waits for it`, async () => {
    const stallMs = await longestStall(async () => {
      const { peer } = new V1Hub(new FakeClock()).connect();
      peer.link.send(text);
      const { code } = await peer.closed;
      assert.equal(code, 1008);
    });
    assert.ok(stallMs < 50, `the event loop stood still for ${stallMs} ms`);
  });
}

for (const [what, text] of Object.entries(hostile)) {
  test(`${what} from a registered client leaves the hub alive`, async () => {
    const hub = new V1Hub(new FakeClock());
    const { peer } = await hub.connectRegistered();
    peer.link.send(text);
    const other = await hub.connectRegistered();
    assert.ok(other.clientId);
  });
}

test('a reason for a close frame is cut to 123 bytes, between characters', () => {
  assert.equal(closeReason('short'), 'short');
  assert.equal(closeReason('a'.repeat(200)), 'a'.repeat(123));
  assert.equal(closeReason('✓'.repeat(100)), '✓'.repeat(41));
  assert.equal(closeReason(`a${'✓'.repeat(100)}`), `a${'✓'.repeat(40)}`);
});
