import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '#internal/core/clock';
import { fieldValue } from '#internal/http1/fields';
import { limits } from '#messages/limits';

const discardMs = 5_000;

/** Whether nothing more of a request is to come. Node calls even a request without a body complete only a turn later. */
export function isWhole({ complete, rawHeaders }: Pick<IncomingMessage, 'complete' | 'rawHeaders'>): boolean {
  if (complete) return true;
  const length = fieldValue(rawHeaders, 'content-length');
  return fieldValue(rawHeaders, 'transfer-encoding') === undefined && (length === undefined || length === '0');
}

/**
 * Ends a response whose request is still being sent. A socket that is closed with unread bytes resets the connection,
 * and the visitor may lose the answer with it: so first the rest of the body is read and thrown away, within limits.
 */
export function endAfterRequest(request: IncomingMessage, response: ServerResponse, clock: Clock): void {
  let discardedBytes = 0;
  const end = (): void => {
    stopTimer();
    request.off('data', count);
    request.off('end', end);
    response.end();
  };
  const count = (chunk: Buffer): void => {
    discardedBytes += chunk.length;
    if (discardedBytes > limits.discardedBody) end();
  };
  const stopTimer = clock.after(discardMs, end);
  request.on('data', count);
  request.once('end', end);
  request.once('close', stopTimer);
  request.resume();
}
