import type { AditError } from '#internal/core/errors';
import type { ResponseHandler, Stream } from './stream.ts';

const ignore = (): void => undefined;

/** What stands for a stream that can't be opened; its handler is told why. */
export function refuseStream(handler: ResponseHandler, reason: AditError): Stream {
  handler.reset(reason);
  return { write: () => true, end: ignore, stop: ignore, reset: ignore, consumed: ignore };
}
