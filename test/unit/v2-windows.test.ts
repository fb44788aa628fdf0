import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReceiveWindow, WindowBudget } from '#internal/link/v2/receive-window';
import { limits } from '#messages/limits';
import { isUntouched } from '../support/v2-wire.ts';

const newBudget = (): WindowBudget => new WindowBudget(limits.sessionWindows);
const { streamWindow } = limits;

test('v2 window: the first window may be filled to its last byte and no further', () => {
  const window = new ReceiveWindow(newBudget(), 0);
  assert.ok(window.receive(streamWindow - 1));
  assert.ok(window.receive(1));
  assert.ok(window.receive(0));
  assert.ok(!window.receive(1));
});

test('v2 window: a grant comes when half of the window was consumed, and not before', () => {
  const window = new ReceiveWindow(newBudget(), 0);
  window.receive(streamWindow);
  assert.equal(window.consume(streamWindow / 2 - 1, 60_000, 10), undefined);
  assert.equal(window.consume(1, 60_000, 10), streamWindow * 1.5);
});

test('v2 window: a grant lets exactly as much in as it says', () => {
  const window = new ReceiveWindow(newBudget(), 0);
  window.receive(streamWindow);
  const limit = window.consume(streamWindow, 60_000, 10) as number;
  assert.ok(window.receive(limit - streamWindow));
  assert.ok(!window.receive(1));
});

test('v2 window: what is consumed slowly leaves it at its first size', () => {
  const budget = newBudget();
  const window = new ReceiveWindow(budget, 0);
  for (let i = 1; i <= 50; i += 1) {
    window.receive(streamWindow / 2);
    window.consume(streamWindow / 2, i * 5_000, 10);
  }
  assert.ok(isUntouched(budget));
});

test('v2 window: it grows while bytes are consumed fast, up to its maximum', () => {
  const budget = newBudget();
  const window = new ReceiveWindow(budget, 0);
  let limit: number = streamWindow;
  let consumed = 0;
  for (let now = 100; now <= 5_000; now += 100) {
    const byteCount = limit - consumed;
    assert.ok(window.receive(byteCount));
    limit = window.consume(byteCount, now, 100) ?? limit;
    consumed += byteCount;
    assert.ok(limit - consumed <= limits.streamWindowMax);
  }
  assert.equal(limit - consumed, limits.streamWindowMax);
  window.close();
  assert.ok(isUntouched(budget));
});

test('v2 window: on a short way it grows once more was consumed than the systems themselves take', () => {
  const window = new ReceiveWindow(newBudget(), 0);
  let limit: number = streamWindow;
  let consumed = 0;
  const sizes: number[] = [];
  for (let now = 0.5; consumed < 12 * 1_048_576; now += 0.5) {
    const byteCount = limit - consumed;
    consumed = limit;
    limit = window.consume(byteCount, now, 0.5) ?? limit;
    if (consumed < 8 * 1_048_576) sizes.push(limit - consumed);
  }
  assert.deepEqual(new Set(sizes), new Set([streamWindow]));
  assert.ok(limit - consumed >= 8 * streamWindow, `${limit - consumed} bytes`);
});

test('v2 window: a long one is granted bit by bit, so that its sender need not wait for half of it', () => {
  const window = new ReceiveWindow(newBudget(), 0);
  const piece = 1_048_576;
  const first = window.consume(streamWindow, 100, 100) as number;
  assert.ok(first > 4 * piece, 'a long way has a long window');
  assert.equal(window.consume(piece - 1, 100, 100), undefined);
  assert.equal(window.consume(1, 100, 100), first + piece);
});

test('v2 window: one that nobody reads is granted nothing', () => {
  const window = new ReceiveWindow(newBudget(), 0);
  window.receive(streamWindow);
  assert.equal(window.consume(0, 10, 1), undefined);
  assert.equal(window.consume(0, 60_000, 1), undefined);
  assert.ok(!window.receive(1));
});

test('v2 window: all windows of a session stay within its budget, and none falls below the first size', () => {
  const budget = new WindowBudget(100_000);
  const windows = [new ReceiveWindow(budget, 0), new ReceiveWindow(budget, 0)];
  const granted = windows.map((window) => (window.consume(streamWindow, 1, 1_000) as number) - streamWindow);
  assert.deepEqual(granted, [streamWindow + 100_000, streamWindow]);
  windows[0]?.close();
  assert.equal((windows[1]?.consume(streamWindow, 2, 1_000) as number) - 2 * streamWindow, streamWindow + 100_000);
});

test('v2 window: a window that closes gives back what it took, once', () => {
  const budget = newBudget();
  const window = new ReceiveWindow(budget, 0);
  window.consume(streamWindow, 1, 1_000);
  assert.ok(!isUntouched(budget));
  window.close();
  window.close();
  assert.ok(isUntouched(budget));
});

test('v2 window: a session takes no more than its process has, and gives back to both', () => {
  const process = new WindowBudget(1_000);
  const [a, b] = [new WindowBudget(800, process), new WindowBudget(800, process)];
  assert.equal(a.take(900), 800);
  assert.equal(b.take(900), 200);
  assert.equal(b.take(1), 0);
  a.release(800);
  assert.equal(b.take(900), 600, 'its own maximum holds');
  b.release(800);
  assert.equal(process.take(5_000), 1_000);
});
