import { AditError } from '#internal/core/errors';

/** For whoever waits, without what only the operator may know; that is in the log and in `cause`. */
export function notDecided(cause: unknown): AditError {
  const message = 'this hub cannot reach the others at present: try again in a moment';
  return new AditError('ADIT_HUB_BUSY', message, { cause, retryAfterSeconds: 1 });
}
