import { writeCopy } from '#internal/core/write-copy';
import type { Fields } from '#internal/http1/fields';
import { writeLastChunk } from '#internal/http1/trailers';
import type { OriginConnection, ResponseReceiver } from './origin-connection.ts';
import type { OriginRequest } from './origin-request.ts';

/** Up to here copying is cheaper than a write of several buffers. */
const joinedBytes = 16_384;

/** Writes one request: its head, and its body as it comes. */
export class RequestWriter {
  readonly #request: OriginRequest;
  readonly #receiver: Pick<ResponseReceiver, 'requestDrained'>;
  #connection!: OriginConnection;
  #leftBytes: number;
  /** Text that waits for the end of this turn of the event loop. */
  #held: string | undefined;

  /** The receiver hears when what `write` did not say to be taken has been. */
  constructor(request: OriginRequest, receiver: Pick<ResponseReceiver, 'requestDrained'>) {
    this.#request = request;
    this.#receiver = receiver;
    this.#leftBytes = request.bodyBytes;
  }

  /** Whether the request has been sent whole. */
  get isComplete(): boolean {
    return this.#leftBytes === 0;
  }

  /**
   * Sends the head. One with a body waits for the first bytes, so that a small request leaves in one write, but no
   * longer than this turn takes: the origin may have to see the head before anybody sends the body.
   */
  begin(connection: OriginConnection): void {
    this.#connection = connection;
    if (this.isComplete) {
      connection.socket.write(this.#request.head, 'latin1');
      connection.requestSent();
    } else {
      this.#held = this.#request.head;
      process.nextTick(endTurn, this);
    }
  }

  /** Whether that many bytes may still be sent. */
  hasRoomFor(byteCount: number): boolean {
    return byteCount <= this.#leftBytes;
  }

  /** Sends bytes of the body. False when the connection has not taken them yet. */
  write(chunk: Buffer): boolean {
    const isChunked = this.#request.bodyBytes === Number.POSITIVE_INFINITY;
    const before = isChunked ? `${chunk.length.toString(16)}\r\n` : '';
    const behind = isChunked ? '\r\n' : '';
    this.#leftBytes -= chunk.length;
    let isTaken: boolean;
    if (chunk.length > joinedBytes) isTaken = this.#writeApart(before, chunk, behind);
    else {
      const text = before + chunk.toString('latin1') + behind;
      if (this.#held !== undefined && !this.isComplete && this.#held.length < joinedBytes) {
        this.#held += text;
        return false;
      }
      isTaken = this.#writeText(text);
    }
    if (this.isComplete) this.#connection.requestSent();
    return isTaken;
  }

  /** Ends the body. False when its length is not what the head says. */
  end(trailers: Fields): boolean {
    if (this.#leftBytes !== Number.POSITIVE_INFINITY) return this.isComplete;
    this.#leftBytes = 0;
    if (this.#writeText(writeLastChunk(trailers))) this.#receiver.requestDrained();
    this.#connection.requestSent();
    return true;
  }

  /** Sends what is held back, at the end of the turn in which the request began. */
  release(): void {
    if (this.#held !== undefined && !this.#connection.socket.destroyed && this.#writeText(''))
      this.#receiver.requestDrained();
  }

  #writeText(text: string): boolean {
    const held = this.#held ?? '';
    this.#held = undefined;
    return this.#connection.socket.write(held + text, 'latin1');
  }

  /** Large bytes go as they are, in one gathered write with what stands around them. */
  #writeApart(before: string, chunk: Buffer, behind: string): boolean {
    const { socket } = this.#connection;
    socket.cork();
    if (this.#held !== undefined || before !== '') this.#writeText(before);
    let isTaken = writeCopy(socket, chunk);
    if (behind !== '') isTaken = socket.write(behind, 'latin1');
    socket.uncork();
    return isTaken;
  }
}

function endTurn(writer: RequestWriter): void {
  writer.release();
}
