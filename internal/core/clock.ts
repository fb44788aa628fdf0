import { performance } from 'node:perf_hooks';
import { afterTurn } from './after-turn.ts';

/** Time as the code sees it, so that tests can hold it still. */
export interface Clock {
  /** Milliseconds on a clock that only runs forward: for every interval and deadline. */
  now(): number;
  /** Milliseconds since 1970, UTC: only for what other machines read. */
  wallMs(): number;
  /** Runs `action` once after `delayMs`; the return value stops it. */
  after(delayMs: number, action: () => void): Stop;
  /** Runs `action` every `intervalMs`; the return value stops it. */
  every(intervalMs: number, action: () => void): Stop;
}

export type Stop = () => void;

let nowMs = 0;
let isRead = false;

function forget(): void {
  isRead = false;
}

/** Read once for each callback of the event loop, which asks many times and is over within a fraction of a millisecond. */
function readOnce(): number {
  if (!isRead) {
    isRead = true;
    nowMs = performance.now();
    afterTurn(forget);
  }
  return nowMs;
}

/** The real time. */
export const systemClock: Clock = {
  now: readOnce,
  wallMs: () => Date.now(),
  after(delayMs, action) {
    const timer = setTimeout(action, delayMs);
    return () => clearTimeout(timer);
  },
  every(intervalMs, action) {
    const timer = setInterval(action, intervalMs);
    return () => clearInterval(timer);
  },
};

/** Waits for `done`, and for `ms` at most. */
export async function within(clock: Clock, ms: number, done: Promise<void>): Promise<void> {
  let stopTimer: Stop = () => undefined;
  const late = new Promise<void>((resolve) => {
    stopTimer = clock.after(ms, resolve);
  });
  await Promise.race([done, late]);
  stopTimer();
}
