import { AditError } from '#internal/core/errors';

/** A request body that sends nothing for this long, while we read, is given up. */
const bodyIdleMs = 30_000;

/** What an exchange waits for, and since when. */
export class Awaited {
  readonly #timeoutMs: number;
  /** The body's next bytes, or the response head. */
  what: 'nothing' | 'body' | 'head' = 'nothing';
  since = 0;

  /** `timeoutMs`: how long the response head may take. */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  begin(what: 'body' | 'head', since: number): void {
    this.what = what;
    this.since = since;
  }

  isLate(now: number): boolean {
    const waitedMs = now - this.since;
    switch (this.what) {
      case 'nothing':
        return false;
      case 'body':
        return waitedMs >= bodyIdleMs;
      case 'head':
        return waitedMs >= this.#timeoutMs;
    }
  }

  /** What a visitor is told when its body or the response head is late. */
  lateError(): AditError {
    if (this.what === 'body') {
      return new AditError('ADIT_REQUEST_TIMEOUT', `the request body stopped arriving for ${bodyIdleMs / 1_000} s`);
    }
    const message = `the service gave no answer within ${this.#timeoutMs / 1_000} s (--timeout)`;
    return new AditError('ADIT_RESPONSE_TIMEOUT', message);
  }
}
