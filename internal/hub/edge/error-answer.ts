import { randomUUID } from 'node:crypto';
import { AditError, messageOf } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import { fieldValue } from '#internal/http1/fields';
import type { ParsedRequest } from '#internal/http1/parse-head';
import { type ErrorResponse, errorResponse } from './error-response.ts';

/** What a request that failed is answered with, in the form that it accepts and under an id of its own. */
export function errorAnswer(request: ParsedRequest, error: AditError): ErrorResponse & { requestId: string } {
  const requestId = randomUUID();
  return { ...errorResponse(error, { accept: fieldValue(request.fields, 'accept') ?? '', requestId }), requestId };
}

/** What was thrown, as an error for visitors. Whatever is none of ours is a mistake of the hub, and logged. */
export function asAditError(thrown: unknown, log: Log): AditError {
  if (thrown instanceof AditError) return thrown;
  log.error('a request failed by a mistake of the hub', { error: messageOf(thrown) });
  return new AditError('ADIT_INTERNAL', 'the hub could not handle this request', { cause: thrown });
}
