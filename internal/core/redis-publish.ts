import type { Duplex, Writable } from 'node:stream';
import { Command } from '#internal/core/ioredis';

/** Pieces of this length are written as they are; shorter ones are put together first. */
const longBytes = 8_192;
const lineEnd = Buffer.from('\r\n');

/** Publishes a message that is given in pieces. The library puts all of a command together before it writes it. */
export class PublishCommand extends Command {
  declare promise: Promise<number>;
  readonly #pieces: readonly Buffer[];

  constructor(name: 'publish' | 'spublish', channel: string, pieces: readonly Buffer[]) {
    super(name, [channel]);
    this.#pieces = pieces;
  }

  /** Writes all but the end of the command, which is for the library to write. */
  override toWritable(socket: Writable): Buffer {
    const parts = partsOf(this.name, this.args[0] as string, this.#pieces);
    const end = parts.pop() as Buffer;
    writeAll(socket, parts);
    return end;
  }
}

/**
 * No replies are wanted on this connection, each of which would wake us. Those of a server that does not know the command
 * are passed over like its answer to that.
 */
export function silence(socket: Duplex): void {
  socket.removeAllListeners('data');
  socket.on('data', () => undefined);
  socket.write('CLIENT REPLY OFF\r\n');
}

/**
 * Publishes on a connection of which nobody reads the replies, and calls `written` once it is on its way. The connection
 * must have signed in.
 */
export function writePublish(socket: Writable, channel: string, pieces: readonly Buffer[], written: () => void): void {
  const parts = partsOf('publish', channel, pieces);
  const end = parts.pop() as Buffer;
  writeAll(socket, parts);
  socket.write(end, written);
}

/** The command in the parts that it is best written in: at least one. */
function partsOf(name: string, channel: string, pieces: readonly Buffer[]): Buffer[] {
  const byteCount = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const head = `*3\r\n$${name.length}\r\n${name}\r\n$${channel.length}\r\n${channel}\r\n$${byteCount}\r\n`;
  return joinShort([Buffer.from(head, 'latin1'), ...pieces, lineEnd]);
}

/** What follows in the same callback goes with it. */
function writeAll(socket: Writable, parts: readonly Buffer[]): void {
  if (parts.length === 0) return;
  socket.cork();
  for (const part of parts) socket.write(part);
  process.nextTick(() => socket.uncork());
}

/** Each write costs more than to copy a few bytes. */
function joinShort(pieces: readonly Buffer[]): Buffer[] {
  const joined: Buffer[] = [];
  let short: Buffer[] = [];
  for (const piece of pieces) {
    if (piece.length < longBytes) short.push(piece);
    else {
      if (short.length > 0) joined.push(Buffer.concat(short));
      joined.push(piece);
      short = [];
    }
  }
  if (short.length > 0) joined.push(Buffer.concat(short));
  return joined;
}
