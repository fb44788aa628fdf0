import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lane } from '#internal/link/v2/lane';
import { Pace } from '#internal/link/v2/pace';
import { limits } from '#messages/limits';
import { FakeClock } from '../support/fake-clock.ts';
import { Random } from '../support/random.ts';
import { pairNode } from '../support/v2-pair.ts';

interface Way {
  bytesPerMs: number;
  /** One way. */
  delayMs: number;
  /** At most so much longer, at random. */
  noiseMs?: number;
  batchBytes?: number;
}

/** Sends all that the lane lets, for so long, over a way that is simulated. Gives what arrived, and the sender's lane. */
function flood({ bytesPerMs, delayMs, noiseMs = 0, batchBytes = 65_000 }: Way, ms: number) {
  const clock = new FakeClock();
  const random = new Random(7);
  const frames = Buffer.alloc(batchBytes);
  const arrived: { at: number; byteCount: number }[] = [];
  let freeAt = 0;
  let lastArrival = 0;
  const near: Lane = new Lane(
    { node: pairNode, epoch: 1, start: 0, side: 'hub' },
    {
      clock,
      transmit: (packet) => {
        freeAt = Math.max(freeAt, clock.now()) + packet.length / bytesPerMs;
        lastArrival = Math.max(lastArrival, freeAt + delayMs + random.next() * noiseMs);
        clock.after(lastArrival - clock.now(), () => far.receive(packet));
      },
      deliver: () => undefined,
      age: () => undefined,
      rested: () => undefined,
      wake: () => fill(),
    },
  );
  const far: Lane = new Lane(
    { node: pairNode, epoch: 1, start: 0, side: 'hub' },
    {
      clock,
      transmit: (packet) => void clock.after(delayMs, () => near.receive(packet)),
      deliver: ({ length }) => arrived.push({ at: clock.now(), byteCount: length }),
      age: () => undefined,
      rested: () => undefined,
      wake: () => far.isAckDue && far.send(Buffer.alloc(0)),
    },
  );
  const fill = (): void => {
    while (near.room >= 1_000) near.send(frames.subarray(0, Math.min(batchBytes, near.room)));
  };
  fill();
  clock.advance(ms);
  const ratePerMs = (fromMs: number): number =>
    arrived.filter(({ at }) => at > fromMs).reduce((sum, { byteCount }) => sum + byteCount, 0) / (ms - fromMs);
  return { pace: near.pace, ratePerMs };
}

test('v2 pace: a way of 16 Mbit/s and 40 ms is filled, and little more than 30 ms wait on it', () => {
  const { pace, ratePerMs } = flood({ bytesPerMs: 2_000, delayMs: 20, batchBytes: 16_384 }, 10_000);
  assert.ok(ratePerMs(5_000) > 1_800, `${ratePerMs(5_000)} bytes/ms`);
  const queueMs = pace.window / 2_000 - 40;
  assert.ok(queueMs < 60, `${queueMs} ms wait on the way`);
});

test('v2 pace: a fast way of 100 ms is used within 3 s', () => {
  const { pace, ratePerMs } = flood({ bytesPerMs: 100_000, delayMs: 50 }, 4_000);
  assert.ok(ratePerMs(3_000) > 80_000, `${ratePerMs(3_000)} bytes/ms`);
  assert.ok(pace.window <= limits.laneMax);
});

test('v2 pace: on the way inside one machine nothing is held back', () => {
  const { ratePerMs } = flood({ bytesPerMs: 500_000, delayMs: 0.05 }, 300);
  assert.ok(ratePerMs(200) > 100_000, `${ratePerMs(200)} bytes/ms`);
});

test('v2 pace: a short way is not believed to hold much, however long its first round trip took', () => {
  for (const [rttMs, expected] of [
    [2, 2 * 1_048_576],
    [20, 30_000_000],
  ] as const) {
    const pace = new Pace();
    pace.acknowledged(0, { rttMs, bytesPerMs: 300_000, wasFull: true });
    assert.equal(pace.window, expected);
  }
});

for (const noiseMs of [10, 50, 100]) {
  test(`v2 pace: a way whose delay varies by ${noiseMs} ms is still used`, () => {
    const { ratePerMs } = flood({ bytesPerMs: 10_000, delayMs: 20, noiseMs }, 12_000);
    assert.ok(ratePerMs(8_000) > 5_000, `${ratePerMs(8_000)} bytes/ms of 10,000`);
  });
}

test('v2 pace: a way that becomes slower is noticed within 3 s', () => {
  const pace = new Pace();
  let now = 0;
  const pass = (bytesPerMs: number, ms: number): void => {
    for (const end = now + ms; now < end; now += 20) {
      const rttMs = Math.max(40, pace.window / bytesPerMs);
      pace.acknowledged(now, { rttMs, bytesPerMs: pace.window / rttMs, wasFull: true });
    }
  };
  pass(50_000, 2_000);
  const fast = pace.window;
  pass(2_000, 3_000);
  assert.ok(pace.window < 300_000, `${pace.window} bytes, ${fast} before`);
});

test('v2 pace: little traffic is no reason to slow down', () => {
  const pace = new Pace();
  pace.acknowledged(0, { rttMs: 40, bytesPerMs: 10_000, wasFull: true });
  const { window } = pace;
  for (let now = 0; now < 10_000; now += 50) {
    pace.acknowledged(now, { rttMs: 45, bytesPerMs: 2, wasFull: false });
  }
  assert.equal(pace.window, window);
});

test('v2 pace: whatever is measured, the window stays between 64 KiB and its maximum', () => {
  const random = new Random(11);
  const pace = new Pace();
  let now = 0;
  for (let i = 0; i < 20_000; i += 1) {
    now += random.next() * 100;
    const bytesPerMs = random.pick([0, 1, 65_536, 16 * 1_048_576, 2 ** 47]);
    const rttMs = random.pick([-1, 0, 0.001, 5, 100, 60_000]);
    pace.acknowledged(now, { rttMs, bytesPerMs, wasFull: random.chance(0.5) });
    assert.ok(
      Number.isInteger(pace.window) && pace.window >= 65_536 && pace.window <= limits.laneMax,
      String(pace.window),
    );
  }
});

const small = { bytesPerMs: 0, wasFull: false };

test('v2 pace: what may be sent before anything was measured is more on a longer way', () => {
  for (const [rttMs, expected] of [
    [0.2, 262_144],
    [40, 262_160],
    [100, 655_400],
    [600, 1_048_576],
  ] as const) {
    const pace = new Pace();
    pace.acknowledged(0, { ...small, rttMs });
    assert.equal(pace.window, expected);
  }
});

test('v2 pace: a burst tells how fast a way is, until something was seen to wait on it', () => {
  const pace = new Pace();
  pace.acknowledged(100, { ...small, rttMs: 100 });
  pace.burst(200_000, 110);
  assert.equal(pace.window, 2 * 2_000_000, '200,000 bytes in 10 ms: twice as many as the way then holds');
  pace.burst(400_000, 150);
  assert.equal(pace.window, 4_000_000, 'a later part of it came more slowly, which may have been its sender');
  pace.acknowledged(202, { rttMs: 130, bytesPerMs: 2_000, wasFull: true });
  const queued = pace.window;
  pace.burst(200_000, 110);
  assert.equal(pace.window, queued);
  assert.ok(queued < 300_000, `${queued}`);
});

test('v2 pace: a burst that came at once is believed 64 times its length', () => {
  const pace = new Pace();
  pace.acknowledged(100, { ...small, rttMs: 400 });
  pace.burst(65_536, 400);
  assert.equal(pace.window, 64 * 65_536);
});

test('v2 pace: a few bytes alone make the window no shorter, nor the way slow', () => {
  const pace = new Pace();
  pace.acknowledged(100, { ...small, rttMs: 100 });
  const { window } = pace;
  pace.acknowledged(200, { rttMs: 104, bytesPerMs: 625, wasFull: false });
  assert.ok(pace.window >= window, `${pace.window}`);
  assert.ok(!pace.isSlow);
  pace.acknowledged(300, { rttMs: 250, bytesPerMs: 625, wasFull: true });
  assert.ok(pace.isSlow);
});

test('v2 pace: on a long way what waits may be as much as the way holds, on a short one 256 KiB', () => {
  const windowAt = (rttMs: number): number => {
    const pace = new Pace();
    pace.acknowledged(0, { ...small, rttMs });
    pace.acknowledged(1, { rttMs: rttMs + 40, bytesPerMs: 100_000, wasFull: true });
    return pace.window;
  };
  assert.equal(windowAt(100), 10_000_000 + 4_000_000);
  assert.equal(windowAt(20), 2_000_000 + 2_000_000);
  assert.equal(windowAt(0.1), 10_000 + 262_144);
});
