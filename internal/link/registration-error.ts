import { AditError } from '#internal/core/errors';

/** What a registration has come to when the hub closed the websocket before it answered. */
export function registrationError(code: number, reason: string): AditError {
  if (code === 1013) return new AditError('ADIT_HUB_BUSY', reason || 'the hub asks to try again later');
  return new AditError('ADIT_LINK_LOST', `the hub closed the connection (${code}${reason && `: ${reason}`})`);
}
