import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Health } from '#internal/agent/health';

const refused = 'nothing answers at localhost:3000';

/** What is told while facts come in, as `state` or `state: reason`. */
function tellings(feed: (health: Health) => void): string[] {
  const told: string[] = [];
  feed(new Health(({ state, reason }) => told.push(reason ? `${state}: ${reason}` : state)));
  return told;
}

test('health: it is connecting, online, offline, and each change is told once', () => {
  const told = tellings((health) => {
    assert.deepEqual(health.status, { state: 'connecting', reason: '' });
    health.connecting();
    health.connected();
    health.disconnected('lost');
    assert.deepEqual(health.status, { state: 'offline', reason: 'lost' });
    health.disconnected('lost again');
    health.connecting();
    health.connected();
  });
  assert.deepEqual(told, ['online', 'offline: lost', 'connecting', 'online']);
});

test('health: an origin that refuses connections degrades, and one that takes them heals', () => {
  const told = tellings((health) => {
    health.connected();
    health.originChecked(undefined);
    health.originChecked(refused);
    health.originChecked(`${refused}: in other words`);
    health.originChecked(undefined);
  });
  assert.deepEqual(told, ['online', `degraded: ${refused}`, 'online']);
});

test('health: trouble with the origin is kept while there is no hub, and told when there is one', () => {
  const told = tellings((health) => {
    health.originChecked(refused);
    health.connecting();
    health.connected();
    health.disconnected('lost');
    health.originChecked(undefined);
    health.connecting();
    health.connected();
  });
  assert.deepEqual(told, ['online', `degraded: ${refused}`, 'offline: lost', 'connecting', 'online']);
});

test('health: one failed probe is none, two in a row degrade, one that succeeds heals', () => {
  const told = tellings((health) => {
    health.connected();
    health.probed('failed', 'once');
    health.probed('ok', '');
    health.probed('failed', 'once more');
    health.probed('failed', 'it answered 502');
    health.probed('failed', 'it answered 502');
    health.probed('ok', '');
  });
  assert.deepEqual(told, ['online', 'degraded: visitors do not reach this tunnel: it answered 502', 'online']);
});

test('health: what cannot be probed is not held against it, and ends what was', () => {
  const told = tellings((health) => {
    health.connected();
    for (let i = 0; i < 9; i += 1) health.probed('unknown', 'no way to ask');
    health.probed('failed', 'a');
    health.probed('unknown', '');
    health.probed('failed', 'b');
    health.probed('failed', 'c');
    health.probed('unknown', '');
  });
  assert.deepEqual(told, ['online', 'degraded: visitors do not reach this tunnel: c', 'online']);
});

test('health: round trips over a second degrade, and heal below 800 ms', () => {
  const told = tellings((health) => {
    health.connected();
    for (const ms of [1_000, 1_001, 1_400, 900, 1_100, 801, 800, 1_000]) health.roundTrip(ms);
  });
  assert.deepEqual(told, ['online', 'degraded: the way to the hub and back takes over a second', 'online']);
});

test('health: probes and round trips belong to a connection', () => {
  const told = tellings((health) => {
    health.connected();
    health.roundTrip(2_000);
    health.probed('failed', '');
    health.disconnected('lost');
    health.connecting();
    health.connected();
    health.probed('failed', '');
  });
  assert.deepEqual(told.slice(2), ['offline: lost', 'connecting', 'online']);
});

test('health: of several troubles the nearest to the service is told, then the next', () => {
  const told = tellings((health) => {
    health.connected();
    health.roundTrip(2_000);
    health.originChecked(refused);
    health.roundTrip(10);
    health.probed('failed', 'why');
    health.probed('failed', 'why');
    health.originChecked(undefined);
    health.probed('ok', '');
  });
  assert.deepEqual(told, [
    'online',
    'degraded: the way to the hub and back takes over a second',
    `degraded: ${refused}`,
    'degraded: visitors do not reach this tunnel: why',
    'online',
  ]);
});
