import { Backoff } from '#internal/core/backoff';
import type { Clock } from '#internal/core/clock';

/** The longest that a hub, or what stands before it, can ask us to stay away. */
const maxRetryAfterMs = 3_600_000;

/** When a hub that could not be reached, or was lost, is dialled again. */
export class Redial {
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  #outageSince: number;
  #endWait: () => void = () => undefined;

  constructor(clock: Clock, random?: () => number) {
    this.#clock = clock;
    this.#backoff = new Backoff(random);
    this.#outageSince = clock.now();
  }

  /** The connection that was online is lost now, or about to be: this is a new outage. */
  lost(): void {
    this.#outageSince = this.#clock.now();
    this.#backoff.reset();
  }

  /** Milliseconds until the next attempt. What the hub asked for comes before the jitter, so that not all return at once. */
  next(retryAfterMs = 0): number {
    const jitterMs = this.#backoff.next(this.#clock.now() - this.#outageSince);
    return Math.round(Math.min(retryAfterMs, maxRetryAfterMs) + jitterMs);
  }

  /** Resolves after `ms`, with {@link now}, or when `signal` aborts. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stopTimer();
        signal.removeEventListener('abort', done);
        this.#endWait = () => undefined;
        resolve();
      };
      const stopTimer = this.#clock.after(ms, done);
      signal.addEventListener('abort', done);
      this.#endWait = done;
    });
  }

  /** Ends a wait: what kept the hub out of reach may be over. */
  now(): void {
    this.#backoff.reset();
    this.#endWait();
  }
}
