import type { Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import { readInPlace } from '#internal/core/in-place-socket';
import { limits } from '#messages/limits';
import { closeReason } from './close-reason.ts';
import { maskLength, PacketReader, wholeBinary } from './packet-reader.ts';
import type { TextLink, TextLinkHandler } from './text-link.ts';
import type { Packet } from './v2/packet.ts';
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

/** Carries text messages on an open websocket; `socket` is what it runs on. */
export function textLink(websocket: WebSocket, socket: Socket, handler: TextLinkHandler): TextLink {
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
      return socket.bytesRead;
    },
  };
}

/** What says that two bytes behind it have the length, and eight. */
const longLength = 126;
const longestLength = 127;

/** Bytes in a websocket's queue from which on nobody is asked for more. */
const fullBytes = 131_072;

export interface PacketLinkOptions {
  /** Whether the other end is the websocket's client, which masks what it sends. Otherwise this end is. */
  isMasked: boolean;
  /** Whether this end masks with 0, if it is the client. */
  hasZeroMask?: boolean;
}

/** Carries binary messages on an open websocket; `socket` is what it runs on. */
export function packetLink(
  websocket: WebSocket,
  socket: Socket,
  options: PacketLinkOptions,
  handler: PacketLinkHandler,
): PacketLink {
  websocket.on('message', (data: RawData, isBinary: boolean) => {
    if (isBinary) handler.packet(data as Buffer);
    else websocket.close(1003, 'text messages are not part of this protocol');
  });
  readPackets(websocket, socket, options, handler);
  websocket.on('error', () => undefined);
  websocket.once('close', (code, reason) => handler.closed(code, reason.toString('utf8')));
  let isFull = false;
  const sent = (): void => {
    if (!isFull || websocket.bufferedAmount >= fullBytes) return;
    isFull = false;
    handler.writable();
  };
  const isFramedHere = options.isMasked || options.hasZeroMask === true;
  return {
    send(packet, onSent) {
      if (websocket.readyState !== websocket.OPEN) return;
      const done = onSent ? both(onSent, sent) : sent;
      if (isFramedHere) socket.write(frameOf(packet, !options.isMasked), done);
      else websocket.send(packet, done);
      // Only `sent` takes it back, which tells so.
      isFull ||= websocket.bufferedAmount >= fullBytes;
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
      return socket.bytesRead;
    },
  };
}

function both(first: () => void, second: () => void): () => void {
  return () => {
    first();
    second();
  };
}

/** A packet in its frame (RFC 6455 §5.2), whose mask is 0 if it has one: the header is written in front of the packet. */
function frameOf(packet: Packet, isMasked: boolean): Buffer {
  const { length } = packet;
  const lengthBytes = length < longLength ? 0 : length <= 0xffff ? 2 : 8;
  const headerBytes = 2 + lengthBytes + (isMasked ? maskLength : 0);
  const frame = Buffer.from(packet.buffer, packet.byteOffset - headerBytes, headerBytes + length);
  const maskBit = isMasked ? 0x80 : 0;
  frame[0] = wholeBinary;
  if (lengthBytes === 0) frame[1] = maskBit | length;
  else if (lengthBytes === 2) {
    frame[1] = maskBit | longLength;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = maskBit | longestLength;
    frame.writeUInt32BE(0, 2);
    frame.writeUInt32BE(length, 6);
  }
  if (isMasked) frame.writeUInt32BE(0, headerBytes - maskLength);
  return frame;
}

/** Reads packets before the library does, which gets the rest. */
function readPackets(
  websocket: WebSocket,
  socket: Socket,
  options: PacketLinkOptions,
  handler: PacketLinkHandler,
): void {
  const [library] = socket.listeners('data') as [(chunk: Buffer) => void];
  socket.off('data', library);
  const reader = new PacketReader(options, {
    packet: (packet) => handler.packet(packet),
    // It keeps what it can't use yet.
    other: (bytes) => library.call(socket, Buffer.from(bytes)),
  });
  readInPlace(socket, (chunk) => reader.push(chunk));
  // Behind what is no websocket, nothing is read.
  websocket.once('error', () => reader.stop());
}
