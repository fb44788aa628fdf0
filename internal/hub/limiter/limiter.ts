import { RateLimiterMemory } from 'rate-limiter-flexible';
import { AditError } from '#internal/core/errors';

/** So many requests in so much time. */
export interface Rate {
  count: number;
  windowMs: number;
}

/** What was let through of what was asked for, and when the window ends. */
export interface Grant {
  count: number;
  msLeft: number;
}

/** Decides whether requests pass. */
export interface Limiter {
  /** Counts one request. Rejects with ADIT_RATE_LIMITED. Undefined when there is nothing to wait for. */
  admit(clientId: string): Promise<unknown> | undefined;
}

/** No more than this share of what is left is given beyond what is needed now, so that small rates stay exact. */
const spareShare = 1 / 64;

/** Counts the requests of tunnels whose sessions are held here. */
export class RequestCounter {
  readonly #rate: Rate;
  readonly #limiter: RateLimiterMemory;

  constructor(rate: Rate) {
    this.#rate = rate;
    this.#limiter = new RateLimiterMemory({ points: rate.count, duration: rate.windowMs / 1_000 });
  }

  /** Counts as many of `count` as may pass, and of `spare` as others will not miss. */
  async take(clientId: string, count: number, spare: number): Promise<Grant> {
    const wanted = count + spare;
    // All of it first, so that nobody else counts in between; what is not granted is given back.
    const { consumedPoints, msBeforeNext } = await this.#limiter.penalty(clientId, wanted);
    const left = Math.max(0, this.#rate.count - (consumedPoints - wanted));
    const needed = Math.min(count, left);
    const granted = needed + Math.min(spare, Math.floor((left - needed) * spareShare));
    if (granted < wanted) await this.#limiter.reward(clientId, wanted - granted);
    // The library reads the calendar, and that may have been put back since the window began.
    return { count: granted, msLeft: Math.min(msBeforeNext, this.#rate.windowMs) };
  }

  refusal(msLeft: number): AditError {
    const retryAfterSeconds = Math.max(1, Math.ceil(msLeft / 1_000));
    const { count, windowMs } = this.#rate;
    return new AditError(
      'ADIT_RATE_LIMITED',
      `this tunnel takes ${count} requests in ${windowMs / 1_000} s: try again in ${retryAfterSeconds} s (--rate-limit)`,
      { retryAfterSeconds },
    );
  }
}
