import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countingKey, forwardedNode, isLoopback, Networks, plainAddress } from '#internal/hub/addresses';

const memberships: [networks: string, inside: string[], outside: string[]][] = [
  ['10.0.0.0/8', ['10.0.0.0', '10.255.255.255', '::ffff:10.1.2.3'], ['11.0.0.0', '9.255.255.255', '2001:db8::1']],
  ['10.1.2.3', ['10.1.2.3', '::ffff:10.1.2.3'], ['10.1.2.4']],
  ['192.0.2.128/25', ['192.0.2.128', '192.0.2.255'], ['192.0.2.127']],
  ['2001:db8::/32', ['2001:db8:1::1', '2001:0DB8::'], ['2001:db9::', '10.0.0.1']],
  ['2001:db8::1', ['2001:db8::1', '2001:db8:0:0:0:0:0:1'], ['2001:db8::2']],
  ['loopback', ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'], ['128.0.0.1', '::2', '0.0.0.0']],
  [' loopback , 10.0.0.0/8 ,', ['127.0.0.1', '10.0.0.1'], ['192.0.2.1']],
  ['0.0.0.0/0', ['192.0.2.1'], ['2001:db8::1']],
  ['', [], ['127.0.0.1', '::1', '']],
];
for (const [text, inside, outside] of memberships) {
  test(`the networks ${JSON.stringify(text)} hold what is in them and nothing else`, () => {
    const networks = Networks.parse(text);
    for (const address of inside) assert.equal(networks.has(address), true, address);
    for (const address of outside) assert.equal(networks.has(address), false, address);
  });
}

test('what is no address is in no network', () => {
  const all = Networks.parse('0.0.0.0/0, ::/0');
  for (const text of [
    '',
    'unknown',
    'localhost',
    '10.0.0.1:80',
    '[::1]',
    '_hidden',
    '10.0.0.1, 10.0.0.2',
    '10.0.0.0/8',
  ]) {
    assert.equal(all.has(text), false, text);
  }
});

for (const word of ['nginx', '10.0.0.0/33', '2001:db8::/129', '10.0.0.0/-1', '10.0.0.256', '10.0.0.0/', '/8', '::g']) {
  test(`the network ${word} is refused by its name`, () => {
    assert.throws(() => Networks.parse(`127.0.0.1, ${word}`), new RegExp(`^Error: "${word}" is not a network`));
  });
}

test('this machine is known by all its loopback addresses', () => {
  for (const address of ['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1'])
    assert.equal(isLoopback(address), true, address);
  for (const address of ['10.0.0.1', '::', 'localhost', '']) assert.equal(isLoopback(address), false, address);
});

test('IPv4 addresses are counted each for itself, also when they are mapped', () => {
  assert.equal(countingKey('::ffff:192.0.2.1'), countingKey('192.0.2.1'));
  assert.notEqual(countingKey('192.0.2.1'), countingKey('192.0.2.2'));
});

test('IPv6 addresses are counted by their /64', () => {
  assert.equal(countingKey('2001:db8:1:2::1'), countingKey('2001:0db8:1:2:ffff:ffff:ffff:ffff'));
  assert.notEqual(countingKey('2001:db8:1:2::1'), countingKey('2001:db8:1:3::1'));
  assert.notEqual(countingKey('2001:db8:1:12::1'), countingKey('2001:db8:11:2::1'));
});

test('what is no address is counted as it is', () => assert.equal(countingKey('unknown'), 'unknown'));

test('an IPv4 address is written without the mapping of the listener', () => {
  assert.equal(plainAddress('::ffff:192.0.2.1'), '192.0.2.1');
  assert.equal(plainAddress('192.0.2.1'), '192.0.2.1');
  assert.equal(plainAddress('2001:db8::1'), '2001:db8::1');
});

test('Forwarded writes IPv6 in quotes and brackets, and what it does not know as unknown', () => {
  assert.equal(forwardedNode('192.0.2.1'), '192.0.2.1');
  assert.equal(forwardedNode('2001:db8::1'), '"[2001:db8::1]"');
  for (const other of ['', '192.0.2.1:80', 'a;proto=https', '"']) assert.equal(forwardedNode(other), 'unknown');
});
