import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { AditError } from '#internal/core/errors';

/** So many requests in so much time. */
export interface Rate {
  count: number;
  windowMs: number;
}

/** The one place that answers "may this pass?" */
export class Gate {
  readonly #limiter: RateLimiterMemory | undefined;
  readonly #rate: Rate | undefined;
  readonly maxBodyBytes: number;

  constructor({ rate, maxBodyBytes }: { rate: Rate | undefined; maxBodyBytes: number }) {
    this.#rate = rate;
    this.#limiter = rate && new RateLimiterMemory({ points: rate.count, duration: rate.windowMs / 1_000 });
    this.maxBodyBytes = maxBodyBytes;
  }

  /**
   * Counts one request of a tunnel. Rejects with ADIT_RATE_LIMITED. Undefined when there is nothing to wait for.
   */
  admit(clientId: string): Promise<unknown> | undefined {
    return this.#limiter?.consume(clientId).catch(this.#refuse);
  }

  readonly #refuse = (thrown: unknown): never => {
    if (!(thrown instanceof RateLimiterRes)) throw thrown;
    const retryAfterSeconds = Math.max(1, Math.ceil(thrown.msBeforeNext / 1_000));
    const { count = 0, windowMs = 0 } = this.#rate ?? {};
    throw new AditError(
      'ADIT_RATE_LIMITED',
      `this tunnel takes ${count} requests in ${windowMs / 1_000} s: try again in ${retryAfterSeconds} s (--rate-limit)`,
      { retryAfterSeconds },
    );
  };

  /** Throws ADIT_REQUEST_TOO_LARGE when a request body has more bytes than may pass. */
  checkRequestBody(byteCount: number): void {
    if (byteCount <= this.maxBodyBytes) return;
    throw new AditError('ADIT_REQUEST_TOO_LARGE', `request body exceeds the ${this.maxBodyBytes} bytes of --max-body`);
  }

  /** Throws ADIT_RESPONSE_TOO_LARGE when a response body has more bytes than may pass. */
  checkResponseBody(byteCount: number): void {
    if (byteCount <= this.maxBodyBytes) return;
    throw new AditError(
      'ADIT_RESPONSE_TOO_LARGE',
      `response body exceeds the ${this.maxBodyBytes} bytes of --max-body`,
    );
  }
}
