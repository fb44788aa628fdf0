import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import { countRead } from '#internal/core/young-garbage';
import { limits } from '#messages/limits';
import { closeReason } from './close-reason.ts';
import type { TextLink, TextLinkHandler } from './text-link.ts';
import type { PacketLink, PacketLinkHandler } from './v2/packet-link.ts';

/** What every websocket between hub and agent is opened with. */
export const linkOptions = {
  maxPayload: limits.v1Document,
  maxFragments: limits.fragmentCount,
  maxBufferedChunks: limits.bufferedChunkCount,
  // Bodies are mostly compressed already, and compressing them again costs four fifths of the speed.
  perMessageDeflate: false,
} as const;

/**
 * How many messages of one turn of the event loop go into one write to the network. Writes are what costs; but if a
 * whole turn were gathered, hub and agent would work by turns instead of side by side.
 */
const gatheredMessages = 8;

type LinkSocket = Duplex & { bytesRead?: number };

/** Carries text messages on an open websocket; `socket` is what it runs on. */
export function textLink(websocket: WebSocket, socket: LinkSocket, handler: TextLinkHandler): TextLink {
  websocket.on('message', (data: RawData, isBinary: boolean) => {
    if (isBinary) websocket.close(1003, 'binary messages are not part of this protocol');
    else handler.text((data as Buffer).toString('utf8'));
  });
  // Every error is followed by close, which carries the code.
  websocket.on('error', () => undefined);
  websocket.once('close', (code, reason) => handler.closed(code, reason.toString('utf8')));
  let gathered = 0;
  const flush = (): void => {
    if (gathered === 0) return;
    gathered = 0;
    socket.uncork();
  };
  return {
    send(text, sent) {
      if (websocket.readyState !== websocket.OPEN) return;
      if (gathered === 0) {
        socket.cork();
        setImmediate(flush);
      }
      gathered += 1;
      websocket.send(text, sent);
      if (gathered === gatheredMessages) flush();
    },
    ping: () => websocket.readyState === websocket.OPEN && websocket.ping(),
    close: (code, reason) => websocket.close(code, closeReason(reason)),
    destroy: () => websocket.terminate(),
    get queuedBytes() {
      return websocket.bufferedAmount;
    },
    get receivedBytes() {
      return socket.bytesRead ?? 0;
    },
  };
}

/** Bytes in a websocket's queue from which on nobody is asked for more. */
const fullBytes = 131_072;

/** Carries binary messages on an open websocket; `socket` is what it runs on. */
export function packetLink(websocket: WebSocket, socket: LinkSocket, handler: PacketLinkHandler): PacketLink {
  websocket.on('message', (data: RawData, isBinary: boolean) => {
    if (isBinary) {
      countRead((data as Buffer).length);
      handler.packet(data as Buffer);
    } else websocket.close(1003, 'text messages are not part of this protocol');
  });
  websocket.on('error', () => undefined);
  websocket.once('close', (code, reason) => handler.closed(code, reason.toString('utf8')));
  let isFull = false;
  const sent = (): void => {
    if (!isFull || websocket.bufferedAmount >= fullBytes) return;
    isFull = false;
    handler.writable();
  };
  return {
    send(packet) {
      if (websocket.readyState !== websocket.OPEN) return;
      websocket.send(packet, sent);
      isFull = websocket.bufferedAmount >= fullBytes;
    },
    close: (code, reason) => websocket.close(code, closeReason(reason)),
    destroy: () => websocket.terminate(),
    get isWritable() {
      return !isFull;
    },
    get queuedBytes() {
      return websocket.bufferedAmount;
    },
    get receivedBytes() {
      return socket.bytesRead ?? 0;
    },
  };
}
