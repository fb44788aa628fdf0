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
  const roster = new Roster<string>();
  const leave = roster.add('a');
  roster.add('b');
  leave();
  leave();
  assert.deepEqual([...roster], ['b']);
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
