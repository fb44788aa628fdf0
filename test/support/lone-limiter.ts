import { MemoryNetwork } from '#internal/bus/memory';
import { systemClock } from '#internal/core/clock';
import type { Rate } from '#internal/hub/limiter/limiter';
import { SharedLimiter } from '#internal/hub/limiter/shared';

/** The limiter of a hub that stands alone. */
export function loneLimiter(rate: Rate): SharedLimiter {
  const bus = new MemoryNetwork(() => undefined).bus('alone');
  return new SharedLimiter(rate, { clock: systemClock, bus, holder: () => undefined });
}
