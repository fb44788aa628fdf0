import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DirectoryCache } from '#internal/hub/directory/cache';
import type { SessionRecord } from '#internal/hub/directory/directory';
import { limits } from '#messages/limits';
import { FakeClock } from '../support/fake-clock.ts';

const record: SessionRecord = {
  session: 'session',
  node: '0123456789abcdef',
  epoch: 1,
  wire: 'v2',
  keyId: 'key',
  maxStreams: 100,
  clientIds: ['one', 'two'],
};

function setUp() {
  const clock = new FakeClock();
  return { clock, cache: new DirectoryCache(clock) };
}

test('what was set is known for 30 s', () => {
  const { clock, cache } = setUp();
  assert.equal(cache.find('one'), undefined);
  cache.set('one', record);
  clock.advance(29_999);
  assert.equal(cache.find('one'), record);
  assert.equal(cache.find('two'), undefined);
  clock.advance(1);
  assert.equal(cache.find('one'), undefined);
});

test('that nobody serves an id is known for 1 s, or until somebody does', () => {
  const { clock, cache } = setUp();
  cache.setNobody('one');
  cache.setNobody('two');
  clock.advance(999);
  assert.equal(cache.find('one'), null);
  cache.set('one', record);
  assert.equal(cache.find('one'), record);
  clock.advance(1);
  assert.equal(cache.find('two'), undefined);
});

test('a newer record of a session counts for all its ids', () => {
  const { cache } = setUp();
  const newer = { ...record, epoch: 2 };
  cache.set('one', record);
  cache.set('two', newer);
  assert.equal(cache.find('one'), newer);
});

test('ids and sessions are forgotten each by themselves', () => {
  const { cache } = setUp();
  cache.set('one', record);
  cache.set('two', record);
  cache.setNobody('three');
  cache.forgetId('one');
  cache.forgetId('three');
  assert.deepEqual([cache.find('one'), cache.find('two'), cache.find('three')], [undefined, record, undefined]);
  cache.forgetSession('session');
  assert.equal(cache.find('two'), undefined);
});

test('it has a size, beyond which the oldest go', () => {
  const { cache } = setUp();
  for (let i = 0; i <= limits.cachedRecordCount; i += 1) cache.setNobody(String(i));
  assert.equal(cache.find('0'), undefined);
  assert.equal(cache.find('1'), null);
});
