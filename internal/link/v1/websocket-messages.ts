import { isUtf8 } from 'node:buffer';
import type { RawData, WebSocket } from 'ws';
import type { Log } from '#internal/core/log';
import { limits } from '#messages/limits';
import type { WSMessage } from '#messages/v1';
import type { DocumentLink } from './document-link.ts';

/** How a websocket that carries v1 messages is opened. */
export const messageOptions = {
  maxPayload: limits.v1Body,
  maxFragments: limits.fragmentCount,
  maxBufferedChunks: limits.bufferedChunkCount,
  // Compression ends where the messages are read, and here they are read.
  perMessageDeflate: false,
} as const;

/** Sends every message of a websocket as a `ws-message` document, and holds the websocket back while the link is full. */
export function forwardMessages(
  websocket: WebSocket,
  id: string,
  { link, log }: { link: DocumentLink; log: Log },
): void {
  websocket.on('message', (data: RawData, isBinary: boolean) => {
    const bytes = data as Buffer;
    if (isBinary && !isUtf8(bytes)) {
      log.warn('closed a websocket: its binary message is not UTF-8, which wire v1 cannot carry', { id });
      websocket.close(1003, 'binary messages cannot pass wire v1');
      return;
    }
    const messageType = isBinary ? 2 : 1;
    const isFull = link.queuedBytes > limits.linkHighWater;
    if (isFull) websocket.pause();
    const message: WSMessage = { type: 'ws-message', id, messageType, body: bytes.toString('utf8') };
    // Escapes can make a message several times as long as it was.
    const isSent = link.send(message, isFull ? () => websocket.resume() : undefined);
    if (!isSent) websocket.close(1009, 'message is too large for wire v1');
  });
}

/** Hands a `ws-message` to the websocket. One that does not read is closed: v1 cannot ask the other end to wait. */
export function deliverMessage(websocket: WebSocket, { messageType, body }: WSMessage): void {
  if (websocket.readyState !== websocket.OPEN) return;
  if (websocket.bufferedAmount > limits.sendQueue) websocket.close(1013, 'messages are not read fast enough');
  else websocket.send(body, { binary: messageType === 2 });
}
