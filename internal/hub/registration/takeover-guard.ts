import type { Clock } from '#internal/core/clock';
import { AditError } from '#internal/core/errors';

const countedMs = 10_000;
const maxTakeovers = 3;
const heldMs = 30_000;

/**
 * Original clients redial for ever, so two that share a key would steal its name back and forth. After 3 takeovers in
 * 10 s whoever holds the name keeps it for 30 s.
 */
export class TakeoverGuard {
  readonly #clock: Clock;
  readonly #recent = new Map<string, { times: number[]; heldUntil: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes a takeover of a name that is held. Throws ADIT_HUB_BUSY while the holder keeps it. */
  admit(clientId: string): void {
    const now = this.#clock.now();
    this.#forget(now);
    const known = this.#recent.get(clientId) ?? { times: [], heldUntil: 0 };
    known.times = known.times.filter((time) => now - time < countedMs);
    if (known.times.length >= maxTakeovers) {
      known.times = [];
      known.heldUntil = now + heldMs;
    }
    // Anew, so that the map stays in the order of the last change.
    this.#recent.delete(clientId);
    this.#recent.set(clientId, known);
    if (now < known.heldUntil) {
      throw new AditError(
        'ADIT_HUB_BUSY',
        'this name changes hands too often: another agent uses the same key and session; stop one of them',
      );
    }
    known.times.push(now);
  }

  #forget(now: number): void {
    // The first one that still counts ends the search.
    for (const [clientId, { times, heldUntil }] of this.#recent) {
      if (now < heldUntil || now - (times.at(-1) ?? 0) < countedMs) break;
      this.#recent.delete(clientId);
    }
  }
}
