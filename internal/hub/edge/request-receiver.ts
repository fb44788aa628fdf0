import type { AditError } from '#internal/core/errors';
import type { Fields } from '#internal/http1/fields';

/** Who takes what a visitor sends behind a request's head, and hears how the answer goes out. */
export interface RequestReceiver {
  /** Bytes of the body; of the new protocol after an upgrade. */
  requestData(chunk: Buffer): void;
  requestEnd(trailers: Fields): void;
  /** The body is not valid: nothing more comes. */
  requestFailed(error: AditError): void;
  /** Everything that was written so far has left. */
  responseTaken(): void;
  /** The visitor has left. Nothing more comes. */
  gone(): void;
  /** Called once a second. */
  check(now: number): void;
}
