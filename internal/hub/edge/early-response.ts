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
 * Ends a response of known length whose request is still being sent. Closing a socket with unread bytes resets the
 * connection, and the visitor may lose the response with it: so our side ends first, and the rest of the body is read
 * and thrown away, within limits, until the visitor ends its own.
 */
export function endAfterRequest(request: IncomingMessage, response: ServerResponse, clock: Clock): void {
  const { socket } = request;
  if (response.socket === null) {
    // An earlier response of this connection is still to come; this one closes it behind that.
    response.end();
    return;
  }
  let discardedBytes = 0;
  request.removeAllListeners('data');
  request.on('data', (chunk: Buffer) => {
    discardedBytes += chunk.length;
    if (discardedBytes > limits.discardedBody) request.pause();
  });
  const stopTimer = clock.after(discardMs, () => socket.destroy());
  socket.once('close', stopTimer);
  request.once('end', () => response.end());
  request.resume();
  socket.end();
}
