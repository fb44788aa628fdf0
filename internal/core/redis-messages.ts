import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { FramedReader, type FrameHeader, type Framing } from './framed-reader.ts';
import { readInPlace } from './in-place-socket.ts';
import { SpareBuffers } from './spare-buffers.ts';

/** Where messages are put together whose parts come in several reads. */
const joined = new SpareBuffers(344_064, 2);

const lineEndBytes = 2;
const lineFeed = 10;
const minus = 45;
const zero = 48;
const nine = 57;

/** What stands in a message behind its type (RESP3: a push; RESP2: an array), before the length of its channel. */
const messageStart = Buffer.from('3\r\n$7\r\nmessage\r\n$');

export interface RedisMessageHandler {
  /** A message of a channel. Its buffer may be used again afterwards. */
  message(channel: string, message: Buffer): void;
  /** Bytes that are left to the library: a reply, or all that comes from what is none on. */
  other(bytes: Buffer): void;
}

interface ReplyHeader extends FrameHeader {
  /** Of a message: the channel, and where it begins and ends. */
  message?: { channel: string; start: number; end: number };
}

/** Finds what was published in what Redis sends to whoever listens. The library is for the rest. */
export class RedisMessageReader implements Framing<ReplyHeader> {
  readonly #handler: RedisMessageHandler;
  readonly #reader = new FramedReader(this, joined);

  constructor(handler: RedisMessageHandler) {
    this.#handler = handler;
  }

  push(chunk: Buffer): void {
    this.#reader.push(chunk);
  }

  // Framing.

  headerAt(bytes: Buffer, at: number): ReplyHeader | undefined | 'foreign' {
    const typeEnd = at + 1;
    const startEnd = typeEnd + messageStart.length;
    // Less than that is no message yet, and no whole reply with its beginning either.
    const isMessage =
      bytes.length >= startEnd && bytes.compare(messageStart, 0, messageStart.length, typeEnd, startEnd) === 0;
    if (!isMessage) return replyAt(bytes, at);
    const channelStart = lineBehind(bytes, startEnd);
    if (channelStart === undefined) return undefined;
    const channelEnd = channelStart + numberAt(bytes, startEnd);
    // The length of the message has a line of its own, behind a $.
    const lengthAt = channelEnd + lineEndBytes + 1;
    const start = lineBehind(bytes, lengthAt);
    if (start === undefined) return undefined;
    const end = start + numberAt(bytes, lengthAt);
    const channel = bytes.toString('latin1', channelStart, channelEnd);
    return { end: end + lineEndBytes, message: { channel, start, end } };
  }

  frame(bytes: Buffer, at: number, { end, message }: ReplyHeader): void {
    if (message) this.#handler.message(message.channel, bytes.subarray(message.start, message.end));
    else this.#handler.other(bytes.subarray(at, end));
  }

  foreign(bytes: Buffer): void {
    this.#handler.other(bytes);
  }
}

/** Any other reply. Where it ends is known once all of it has come; before, that is at least so far. */
function replyAt(bytes: Buffer, from: number): ReplyHeader | undefined | 'foreign' {
  let at = from;
  for (let left = 1; left > 0; left -= 1) {
    const line = lineBehind(bytes, at);
    if (line === undefined) return undefined;
    const type = String.fromCharCode(bytes[at] as number);
    if (!'+-:_#,($!=*~>%|'.includes(type)) return 'foreign';
    const count = numberAt(bytes, at + 1);
    const isThere = bytes[at + 1] !== minus;
    at = line;
    // Strings stand behind their length; lists, maps and attributes have so many replies in them.
    if ('$!='.includes(type)) at += isThere ? count + lineEndBytes : 0;
    else if ('*~>'.includes(type)) left += count;
    else if (type === '%') left += 2 * count;
    else if (type === '|') left += 2 * count + 1;
    if (at > bytes.length) break;
  }
  return { end: at };
}

/** Where the line behind this one begins; undefined when this one has no end yet. */
function lineBehind(bytes: Buffer, at: number): number | undefined {
  const end = bytes.indexOf(lineFeed, at);
  return end === -1 ? undefined : end + 1;
}

/** The decimal number that begins there; 0 without one, as for the length of what is not there. */
function numberAt(bytes: Buffer, from: number): number {
  let number = 0;
  for (let at = from; ; at += 1) {
    const digit = bytes[at] as number;
    if (!(digit >= zero && digit <= nine)) return number;
    number = 10 * number + digit - zero;
  }
}

/** Gives `message` what comes on a connection that listens, and the library that made it what else comes. */
export function readMessages(stream: Duplex, message: RedisMessageHandler['message']): void {
  const socket = stream as Socket;
  const library = socket.listeners('data') as ((chunk: Buffer) => void)[];
  socket.removeAllListeners('data');
  const reader = new RedisMessageReader({
    message,
    // It keeps what it can't use yet.
    other: (bytes) => {
      for (const listener of library) listener.call(socket, Buffer.from(bytes));
    },
  });
  readInPlace(socket, (chunk) => reader.push(chunk));
}
