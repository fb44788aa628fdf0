import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Roster } from '#internal/core/roster';

test('members are there until they are taken out, whichever goes first', () => {
  for (const leaving of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 0, 2],
    [1, 2, 0],
  ]) {
    const roster = new Roster<string>();
    const names = ['a', 'b', 'c'];
    const leave = names.map((name) => roster.add(name));
    const left = new Set(names);
    for (const i of leaving) {
      assert.deepEqual(new Set(roster), left);
      leave[i]?.();
      left.delete(names[i] as string);
      assert.equal(roster.size, left.size);
    }
    assert.deepEqual([...roster], []);
  }
});

test('who has been taken out once does not take another one out', () => {
  for (const twice of [0, 1]) {
    const roster = new Roster<string>();
    const leave = ['a', 'b'].map((name) => roster.add(name));
    leave[twice]?.();
    leave[twice]?.();
    assert.deepEqual([roster.size, ...roster], [1, twice === 0 ? 'b' : 'a']);
  }
});

test('members may leave while they are gone through', () => {
  const roster = new Roster<number>();
  const leave = [0, 1, 2].map((i) => roster.add(i));
  const seen: number[] = [];
  for (const member of roster) {
    seen.push(member);
    leave[member]?.();
  }
  assert.deepEqual(seen, [0, 1, 2]);
  assert.equal(roster.size, 0);
});
