import { AditError, type VisitorErrorCode } from '#internal/core/errors';
import { Http1Error } from '#internal/http1/error';
import type { Fields } from '#internal/http1/fields';

const codes: Partial<Record<number, VisitorErrorCode>> = {
  413: 'ADIT_REQUEST_TOO_LARGE',
  414: 'ADIT_TARGET_TOO_LONG',
  431: 'ADIT_HEAD_TOO_LARGE',
  501: 'ADIT_CODING_UNSUPPORTED',
  505: 'ADIT_VERSION_UNSUPPORTED',
};

/** What a visitor is told of input that could not be read. */
export function malformedRequest({ status, message }: Http1Error): AditError {
  return new AditError(codes[status] ?? 'ADIT_BAD_REQUEST', message);
}

/** Fields that frame or route a message, which nobody could obey any more at its end (RFC 9110 §6.5.1). */
const neverTrailers = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Throws {@link Http1Error} when one of a request's trailers would frame or route it anew. */
export function checkTrailers(trailers: Fields): void {
  for (let i = 0; i < trailers.length; i += 2) {
    const name = trailers[i] as string;
    if (neverTrailers.has(name.toLowerCase())) throw new Http1Error(400, `${name} can not be a trailer`);
  }
}
