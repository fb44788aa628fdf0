import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameFollower } from '../support/frame-follower.ts';
import { SeededBytes } from '../support/seeded-bytes.ts';

test('seeded bytes are known by any piece, and each of them is checked', () => {
  const bytes = new SeededBytes(7);
  const whole = bytes.whole(200_000);
  assert.notDeepEqual(whole.subarray(0, 65_536), whole.subarray(65_536, 131_072));
  for (const [at, end] of [
    [0, 200_000],
    [65_534, 65_540],
    [65_538, 140_000],
  ] as const) {
    bytes.check(at, whole.subarray(at, end));
    const broken = Buffer.from(whole.subarray(at, end));
    broken[broken.length - 1] = (broken.at(-1) as number) ^ 1;
    assert.throws(() => bytes.check(at, broken), /is wrong/);
    assert.throws(() => bytes.check(at + 65_536, whole.subarray(at, end)), /is wrong/);
  }
});

test('a follower finds where the frames of a websocket begin, however they are cut', () => {
  const head = Buffer.from('GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n');
  const frames = [
    Buffer.from([0x82, 3, 1, 2, 3]),
    Buffer.from([0x82, 0x80 | 2, 9, 9, 9, 9, 1, 2]),
    Buffer.concat([Buffer.from([0x82, 126, 1, 0]), Buffer.alloc(256, 0x82)]),
    Buffer.concat([Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]), Buffer.alloc(65_536, 0x82)]),
    Buffer.from([0x89, 0]),
  ];
  const starts: number[] = [];
  let total = head.length;
  for (const frame of frames) {
    starts.push(total);
    total += frame.length;
  }
  const stream = Buffer.concat([head, ...frames]);
  for (const size of [1, 2, 5, 7]) {
    const follower = new FrameFollower();
    const found: number[] = [];
    for (let at = 0; at < stream.length; at += size) {
      const index = follower.next(stream.subarray(at, at + size));
      if (index >= 0) found.push(at + index);
    }
    // Of two within one piece only the first is told.
    const expected = starts.filter(
      (start, i) => Math.floor(start / size) !== Math.floor((starts[i - 1] ?? -size) / size),
    );
    assert.deepEqual(found, expected);
  }
});
