import type { Socket } from 'node:net';
import { afterTurn } from '#internal/core/after-turn';
import { isBehind, writeCopy } from '#internal/core/write-copy';
import { copyToKeep } from '#internal/core/young-garbage';
import type { Framing } from './body-reader.ts';
import type { Fields } from './fields.ts';
import { writeLastChunk } from './trailers.ts';

/** How a message's body is written; `none` drops it, as for HEAD. */
export type BodyForm = Framing | { kind: 'none' };

/** Up to here a piece is copied into the text that goes before and behind it: one write of one text beats several buffers. */
const joinedBytes = 16_384;
/** The same of a piece without such text. Text is kept in the engine's heap, which is slow to become smaller again. */
const lonelyJoinedBytes = 1_024;
/**
 * What the socket is given before it has taken what it had. The rest waits here, where it can be counted: the socket
 * would hand all of it to the system at once, and a slow reader then looks like one that does not read at all.
 */
const givenBytes = 65_536;

/**
 * Writes messages to a socket, one behind the other. Head, body and end of a small message leave in one write, at the
 * latest when the present callback of the event loop is over.
 */
export class MessageWriter {
  readonly #socket: Socket;
  readonly #onTaken: () => void;
  /** What is still to be given to the socket: first the parts, then the text. All text is latin1. */
  readonly #parts: (string | Buffer)[] = [];
  #text = '';
  #form: BodyForm = { kind: 'none' };
  #leftBytes = 0;
  #isScheduled = false;
  #isClosing = false;

  /** `onTaken` is called whenever the socket has taken everything that was written. */
  constructor(socket: Socket, onTaken: () => void) {
    this.#socket = socket;
    this.#onTaken = onTaken;
    socket.on('drain', this.#give);
  }

  /** Whether the socket keeps up, so that another message may begin. */
  get isClear(): boolean {
    return this.#parts.length === 0 && !isBehind(this.#socket);
  }

  /** Whether something waits for the peer to read. */
  get isWaiting(): boolean {
    return this.#parts.length > 0 || this.#text !== '' || this.#socket.writableLength > 0;
  }

  /** Whether only the connection's end tells where the present message ends. */
  get isEndedByClose(): boolean {
    return this.#form.kind === 'close';
  }

  /** Begins a message by its head, with the empty line; after an interim head another one begins. */
  begin(head: string, form: BodyForm): void {
    this.#form = form;
    this.#leftBytes = form.kind === 'length' ? form.byteCount : 0;
    this.#add(head);
  }

  /** Writes a piece of the body. False, with nothing written, when the body would be longer than its head says. */
  data(chunk: Buffer): boolean {
    if (chunk.length === 0) return true;
    if (this.#form.kind === 'none') {
      // Dropped is taken.
      this.#schedule();
      return true;
    }
    if (this.#form.kind === 'length') {
      if (chunk.length > this.#leftBytes) return false;
      this.#leftBytes -= chunk.length;
    }
    const isChunked = this.#form.kind === 'chunked';
    const isLonely = !isChunked && this.#text === '';
    if (chunk.length <= (isLonely || !this.isClear ? lonelyJoinedBytes : joinedBytes)) {
      const bytes = chunk.toString('latin1');
      this.#add(isChunked ? `${chunk.length.toString(16)}\r\n${bytes}\r\n` : bytes);
      return true;
    }
    if (isChunked) this.#add(`${chunk.length.toString(16)}\r\n`);
    this.#addBuffer(chunk);
    if (isChunked) this.#add('\r\n');
    return true;
  }

  /** Ends the message. False when its body is shorter than its head says: only closing the socket is left then. */
  end(trailers: Fields = []): boolean {
    if (this.#form.kind === 'length' && this.#leftBytes > 0) return false;
    if (this.#form.kind === 'chunked') this.#add(writeLastChunk(trailers));
    return true;
  }

  /** Gives what was gathered to the socket now. */
  readonly flush = (): void => {
    this.#isScheduled = false;
    this.#give();
  };

  /** Ends the socket's writing side behind everything that was written. */
  close(): void {
    this.#isClosing = true;
    this.#schedule();
  }

  /** Leaves the socket to somebody else. */
  detach(): void {
    this.flush();
    this.#socket.off('drain', this.#give);
  }

  #add(text: string): void {
    if (this.#text.length + text.length > 2 * joinedBytes) this.#moveText();
    this.#text += text;
    this.#schedule();
  }

  #addBuffer(chunk: Buffer): void {
    this.#schedule();
    if (this.isClear && chunk.length <= givenBytes) this.#giveBuffer(chunk);
    else {
      this.#moveText();
      this.#parts.push(copyToKeep(chunk));
    }
  }

  #moveText(): void {
    if (this.#text !== '') this.#parts.push(this.#text);
    this.#text = '';
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    afterTurn(this.flush);
  }

  readonly #give = (): void => {
    const socket = this.#socket;
    if (socket.destroyed || isBehind(socket)) return;
    if (this.#parts.length > 0) this.#giveParts();
    else if (this.#text !== '') this.#giveText();
    if (this.#parts.length > 0) return;
    if (this.#isClosing) socket.end();
    else if (!isBehind(socket)) this.#onTaken();
  };

  #giveParts(): void {
    this.#moveText();
    this.#socket.cork();
    for (let left = givenBytes; left > 0; ) {
      const part = this.#parts.shift();
      if (part === undefined) break;
      if (part.length > left && typeof part !== 'string') this.#parts.unshift(part.subarray(left));
      if (typeof part === 'string') this.#socket.write(part, 'latin1');
      else this.#socket.write(part.subarray(0, left));
      left -= part.length;
    }
    this.#socket.uncork();
  }

  /** Gives a long piece at once, so that it is not kept meanwhile, with the text before it. */
  #giveBuffer(chunk: Buffer): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    socket.cork();
    if (this.#text !== '') this.#giveText();
    writeCopy(socket, chunk);
    socket.uncork();
  }

  #giveText(): void {
    const text = this.#text;
    this.#text = '';
    this.#socket.write(text, 'latin1');
  }
}
