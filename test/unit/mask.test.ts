import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maskOptions } from '#internal/agent/mask';

const isZero = (hub: string, isProxied = false): boolean => {
  const { generateMask } = maskOptions(new URL(hub), isProxied);
  const mask = Buffer.from('abcd');
  generateMask?.(mask);
  return mask.equals(Buffer.alloc(4));
};

test('the mask is zero where nothing on the way can read what passes', () => {
  for (const hub of ['https://tunnel.example.com', 'http://localhost:6519', 'http://127.0.0.1:1', 'http://[::1]:1']) {
    assert.ok(isZero(hub), hub);
  }
  assert.ok(isZero('https://tunnel.example.com', true), 'a proxy does not read TLS');
});

test('the mask is drawn at random on a way without TLS to another machine, or through a proxy', () => {
  for (const hub of [
    'http://tunnel.example.com',
    'http://localhost.example.com',
    'http://10.0.0.1',
    'http://1270.0.0.1.x',
  ]) {
    assert.ok(!isZero(hub), hub);
  }
  assert.ok(!isZero('http://localhost:6519', true));
});
