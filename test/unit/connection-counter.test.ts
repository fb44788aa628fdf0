import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionCounter } from '#internal/hub/connection-counter';

test('an address may have so many connections open, and again one when one is closed', () => {
  const counter = new ConnectionCounter(2);
  const leave = counter.enter('192.0.2.1');
  assert.ok(leave && counter.enter('192.0.2.1'));
  assert.equal(counter.enter('192.0.2.1'), undefined);
  leave();
  assert.ok(counter.enter('192.0.2.1'));
  assert.equal(counter.enter('192.0.2.1'), undefined);
});

test('each address is counted for itself', () => {
  const counter = new ConnectionCounter(1);
  assert.ok(counter.enter('192.0.2.1'));
  assert.ok(counter.enter('192.0.2.2'));
});

test('addresses of one IPv6 subscriber are counted together', () => {
  const counter = new ConnectionCounter(1);
  const leave = counter.enter('2001:db8:1:2::1');
  assert.equal(counter.enter('2001:db8:1:2::ffff'), undefined);
  assert.ok(counter.enter('2001:db8:1:3::1'));
  leave?.();
  assert.ok(counter.enter('2001:db8:1:2::ffff'));
});

test('an address and its mapped form are one', () => {
  const counter = new ConnectionCounter(1);
  assert.ok(counter.enter('192.0.2.1'));
  assert.equal(counter.enter('::ffff:192.0.2.1'), undefined);
});

test('loopback is exempt', () => {
  const counter = new ConnectionCounter(1);
  for (const address of ['127.0.0.1', '127.0.0.1', '::1', '::1', '::ffff:127.0.0.1']) {
    const leave = counter.enter(address);
    assert.ok(leave, address);
    leave();
  }
});

test('with a limit of 0 nobody may enter', () => {
  assert.equal(new ConnectionCounter(0).enter('192.0.2.1'), undefined);
});
