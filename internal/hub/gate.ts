import { AditError } from '#internal/core/errors';
import type { Limiter } from './limiter/limiter.ts';

/** The one place that answers "may this pass?" */
export class Gate {
  readonly #limiter: Limiter | undefined;
  readonly maxBodyBytes: number;

  /** Without a limiter, every rate passes. */
  constructor({ limiter, maxBodyBytes }: { limiter: Limiter | undefined; maxBodyBytes: number }) {
    this.#limiter = limiter;
    this.maxBodyBytes = maxBodyBytes;
  }

  /** Counts one request of a tunnel. Rejects with ADIT_RATE_LIMITED. Undefined when there is nothing to wait for. */
  admit(clientId: string): Promise<unknown> | undefined {
    return this.#limiter?.admit(clientId);
  }

  /** Throws ADIT_REQUEST_TOO_LARGE when a request body has more bytes than may pass. */
  checkRequestBody(byteCount: number): void {
    if (byteCount <= this.maxBodyBytes) return;
    throw new AditError('ADIT_REQUEST_TOO_LARGE', `request body exceeds ${this.#limit()}`);
  }

  /** Throws ADIT_RESPONSE_TOO_LARGE when a response body has more bytes than may pass. */
  checkResponseBody(byteCount: number): void {
    if (byteCount <= this.maxBodyBytes) return;
    throw this.responseTooLarge();
  }

  responseTooLarge(): AditError {
    return new AditError('ADIT_RESPONSE_TOO_LARGE', `response body exceeds ${this.#limit()}`);
  }

  #limit(): string {
    return `the ${this.maxBodyBytes} bytes of --max-body: whoever runs the hub can set it higher, or to unlimited`;
  }
}
