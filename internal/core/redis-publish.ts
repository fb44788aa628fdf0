import type { Writable } from 'node:stream';
import { Command } from 'ioredis';

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
    const [channel] = this.args as [string];
    const byteCount = this.#pieces.reduce((sum, piece) => sum + piece.length, 0);
    const head = `*3\r\n$${this.name.length}\r\n${this.name}\r\n$${channel.length}\r\n${channel}\r\n$${byteCount}\r\n`;
    const parts = joinShort([Buffer.from(head, 'latin1'), ...this.#pieces, lineEnd]);
    const end = parts.pop() as Buffer;
    if (parts.length > 0) {
      socket.cork();
      for (const part of parts) socket.write(part);
      process.nextTick(() => socket.uncork());
    }
    return end;
  }
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
