import type { Clock, Stop } from '#internal/core/clock';

const checkMs = 1_000;
/** A machine that is merely busy is not as late as this. */
const lateMs = 5_000;

/**
 * Tells when the machine has slept. Some clocks stand still meanwhile and some run on, so either the timer comes late or
 * the calendar has leapt; a calendar that was put right looks the same, and costs one question to the hub.
 */
export function watchWake(clock: Clock, onWake: () => void): Stop {
  let now = clock.now();
  let wallMs = clock.wallMs();
  return clock.every(checkMs, () => {
    const passedMs = Math.max(clock.now() - now, clock.wallMs() - wallMs);
    now = clock.now();
    wallMs = clock.wallMs();
    if (passedMs >= checkMs + lateMs) onWake();
  });
}
