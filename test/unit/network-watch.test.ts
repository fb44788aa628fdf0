import assert from 'node:assert/strict';
import type { NetworkInterfaceInfo } from 'node:os';
import { test } from 'node:test';
import { watchNetwork } from '#internal/agent/network-watch';
import { FakeClock } from '../support/fake-clock.ts';

function at(address: string, internal = false): NetworkInterfaceInfo {
  const mac = '00:00:00:00:00:00';
  return address.includes(':')
    ? { family: 'IPv6', address, netmask: 'ffff::', cidr: `${address}/16`, mac, internal, scopeid: 0 }
    : { family: 'IPv4', address, netmask: '255.255.255.0', cidr: `${address}/24`, mac, internal };
}

const loopback = { lo: [at('127.0.0.1', true), at('::1', true)] };
const home = { ...loopback, wlan0: [at('192.168.1.7'), at('fe80::1'), at('2001:db8::7')] };

/** How often a change was told when a machine has these addresses, one set a second. */
function changes(...readings: Record<string, NetworkInterfaceInfo[]>[]): number {
  const clock = new FakeClock();
  let current: Record<string, NetworkInterfaceInfo[]> = {};
  let count = 0;
  let stop = (): void => undefined;
  for (const [i, reading] of readings.entries()) {
    current = reading;
    if (i > 0) clock.advance(1_000);
    else {
      const onChange = (): void => {
        count += 1;
      };
      stop = watchNetwork(clock, onChange, () => current);
    }
  }
  stop();
  assert.equal(clock.pendingCount, 0);
  return count;
}

test('network: another address, a lost one and a new interface are changes, each told once', () => {
  const office = { ...loopback, wlan0: [at('10.0.0.7')] };
  assert.equal(changes(home, office, office, office), 1);
  assert.equal(changes(home, loopback, home), 2);
  assert.equal(changes(home, { ...home, tun0: [at('10.8.0.2')] }), 1);
});

test('network: the order of what the system lists is no change', () => {
  assert.equal(changes(home, { wlan0: [...home.wlan0].reverse(), ...loopback }), 0);
});

test('network: what leads nowhere is no change', () => {
  assert.equal(changes(home, { ...home, veth1: [at('fe80::99')], eth1: [at('169.254.3.4')] }), 0);
  assert.equal(changes(home, { ...home, lo: [] }), 0);
});

test('network: the real addresses of this machine stay as they are while nothing happens', () => {
  const clock = new FakeClock();
  const stop = watchNetwork(clock, () => assert.fail('they changed'));
  clock.advance(5_000);
  stop();
});
