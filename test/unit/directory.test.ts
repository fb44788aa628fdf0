import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Directory } from '#internal/hub/directory';

const first = { node: 'one', session: 'a' };
const second = { node: 'two', session: 'b' };

test('an id is served by whoever claimed it', () => {
  const directory = new Directory();
  assert.equal(directory.find('id'), undefined);
  assert.equal(directory.claim('id', first), undefined);
  assert.deepEqual(directory.find('id'), first);
  assert.equal(directory.find('other'), undefined);
  assert.equal(directory.size, 1);
});

test('a later claim wins, and is told who held the id', () => {
  const directory = new Directory();
  directory.claim('id', first);
  assert.deepEqual(directory.claim('id', second), first);
  assert.deepEqual(directory.find('id'), second);
  assert.equal(directory.size, 1);
});

test('a claim of the same session again takes it from nobody', () => {
  const directory = new Directory();
  directory.claim('id', first);
  assert.equal(directory.claim('id', { ...first }), undefined);
});

test('whoever holds an id can release it', () => {
  const directory = new Directory();
  directory.claim('id', first);
  directory.claim('other', first);
  directory.release('id', 'a');
  assert.equal(directory.find('id'), undefined);
  assert.deepEqual(directory.find('other'), first);
  assert.equal(directory.size, 1);
});

test('whoever has lost an id cannot release it', () => {
  const directory = new Directory();
  directory.claim('id', first);
  directory.claim('id', second);
  directory.release('id', 'a');
  assert.deepEqual(directory.find('id'), second);
});

test('names of members of every object are ids like others', () => {
  const directory = new Directory();
  for (const id of ['__proto__', 'constructor', 'toString']) {
    assert.equal(directory.find(id), undefined);
    assert.equal(directory.claim(id, first), undefined);
    assert.deepEqual(directory.find(id), first);
  }
});
