import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Probes } from '#internal/agent/probe';
import { FakeClock } from '../support/fake-clock.ts';

function startProbes() {
  const clock = new FakeClock();
  const asked: { at: number; nonce: string }[] = [];
  const told: string[] = [];
  const probes = new Probes({
    clock,
    ask: (nonce) => asked.push({ at: clock.now(), nonce }),
    onProbed: (outcome, detail) => told.push(`${outcome} ${detail}`),
  });
  probes.start();
  const nonce = (): string => asked.at(-1)?.nonce ?? '';
  return { clock, asked, told, probes, nonce };
}

test('probe: at once, every 30 s, and 6 s after a failure', () => {
  const { clock, asked, probes, told, nonce } = startProbes();
  probes.probed(nonce(), 'ok', '');
  clock.advance(30_000);
  probes.probed(nonce(), 'failed', 'why');
  clock.advance(6_000);
  probes.probed(nonce(), 'unknown', 'no way');
  clock.advance(30_000);
  assert.deepEqual(
    asked.map(({ at }) => at),
    [0, 30_000, 36_000, 66_000],
  );
  assert.deepEqual(told, ['ok ', 'failed why', 'unknown no way']);
  assert.equal(new Set(asked.map((each) => each.nonce)).size, 4);
});

test('probe: without an answer within 10 s nothing is known, and a late one says nothing', () => {
  const { clock, probes, told, nonce } = startProbes();
  clock.advance(9_999);
  assert.deepEqual(told, []);
  clock.advance(1);
  probes.probed(nonce(), 'failed', 'late');
  assert.deepEqual(told, ['unknown the hub did not say']);
});

test('probe: only the request that it waits for is answered', () => {
  const { probes, nonce } = startProbes();
  const target = `/.well-known/adit/probe/${nonce()}`;
  assert.equal(probes.nonceOf({ method: 'GET', target }), nonce());
  for (const other of [`${target}x`, `${target}?a`, target.slice(0, -1), '/.well-known/adit/probe/', `${target}/`]) {
    assert.equal(probes.nonceOf({ method: 'GET', target: other }), undefined, other);
  }
  assert.equal(probes.nonceOf({ method: 'POST', target }), undefined);
  probes.probed(nonce(), 'ok', '');
  assert.equal(probes.nonceOf({ method: 'GET', target }), undefined);
});

test('probe: once stopped it asks and answers nothing, until it starts again', () => {
  const { clock, asked, probes, nonce } = startProbes();
  probes.stop();
  assert.equal(clock.pendingCount, 0);
  assert.equal(probes.nonceOf({ method: 'GET', target: `/.well-known/adit/probe/${nonce()}` }), undefined);
  probes.start();
  assert.equal(asked.length, 2);
});
