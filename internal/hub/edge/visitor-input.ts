import type { Socket } from 'node:net';
import type { Stop } from '#internal/core/clock';
import type { AditError } from '#internal/core/errors';
import { readInPlace } from '#internal/core/in-place-socket';
import { type BodyReader, bodyReader } from '#internal/http1/body-reader';
import { Http1Error } from '#internal/http1/error';
import type { Fields } from '#internal/http1/fields';
import { type ReadRequest, RequestHeadReader } from '#internal/http1/request-reader';
import { limits } from '#messages/limits';
import { HeldBytes } from './held-bytes.ts';
import { checkTrailers, malformedRequest } from './malformed.ts';

/** Who takes what is read. */
export interface InputHandler {
  /** Whether another request may be read. */
  isReady(): boolean;
  /** A part of a head has come. */
  begun(): void;
  head(request: ReadRequest): void;
  /** Bytes of the body; of the new protocol after an upgrade. */
  data(chunk: Buffer): void;
  /** The body is complete. */
  end(trailers: Fields): void;
  /** What has come is no request, or not the body that its head says. */
  malformed(error: AditError): void;
}

/**
 * What a visitor's bytes are read as. `head`: a request. `exchange`: its body, and nothing behind it. `raw`: another
 * protocol. `closing`: nothing, but they are taken. `gone`: they are somebody else's.
 */
type Phase = 'head' | 'exchange' | 'raw' | 'closing' | 'gone';

/** What a visitor sends on its socket: decides when it is read, and as what. */
export class VisitorInput {
  readonly #socket: Socket;
  readonly #isEncrypted: boolean;
  readonly #handler: InputHandler;
  readonly #heads = new RequestHeadReader();
  readonly #held = new HeldBytes();
  readonly #stopReading: Stop;
  #phase: Phase = 'head';
  #body: BodyReader | undefined;
  #isHeldBack = false;
  #isDiscarding = false;
  #isPumping = false;
  #readAheadInAll: number = limits.readAheadInAll;
  #discardedBytes = 0;

  constructor(socket: Socket, { isEncrypted, handler }: { isEncrypted: boolean; handler: InputHandler }) {
    this.#socket = socket;
    this.#isEncrypted = isEncrypted;
    this.#handler = handler;
    this.#stopReading = readInPlace(socket, this.#onData, limits.v2DataSent);
    socket.resume();
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Whether nothing is read for now because that was asked. */
  get isHeldBack(): boolean {
    return this.#isHeldBack;
  }

  /** Whether what comes of the present request's body is thrown away. */
  get isDiscarding(): boolean {
    return this.#isDiscarding;
  }

  /** What has been thrown away of the present request's body, or since we ended our side. */
  get discardedBytes(): number {
    return this.#discardedBytes;
  }

  /** Whether a part of the present request's body has yet to come. */
  get hasMore(): boolean {
    return this.#body !== undefined;
  }

  // Phases.

  /** Reads the next request. */
  readHead(): void {
    this.#phase = 'head';
    // Whoever held the last request's body back no longer cares.
    this.#isHeldBack = false;
    this.#pump();
  }

  /** A request is under way: nothing behind it is read. */
  beginExchange(): void {
    this.#phase = 'exchange';
    this.#isHeldBack = this.#isDiscarding = false;
    this.#discardedBytes = 0;
  }

  /** Reads what comes as another protocol. */
  readRaw(): void {
    this.#phase = 'raw';
    this.#readAheadInAll = limits.readAheadInAll;
    this.#pump();
  }

  /** Throws away whatever still comes. */
  discardAll(): void {
    this.#phase = 'closing';
    this.#body = undefined;
    this.#discardedBytes = 0;
    this.#pump();
  }

  /** Reads nothing more. */
  stop(): void {
    this.#phase = 'gone';
    this.#stopReading();
  }

  // Pace.

  /** Reads no more for now. */
  hold(): void {
    this.#isHeldBack = true;
    this.#regulate();
  }

  /** Reads on. */
  release(): void {
    this.#isHeldBack = false;
    this.#pump();
  }

  /** Throws away what is still to come of the request's body. */
  discardBody(): void {
    this.#isDiscarding = true;
    this.release();
  }

  /** Takes no more than a handshake's worth of bytes until the upgrade is answered. */
  awaitUpgrade(): void {
    this.#readAheadInAll = limits.earlyUpgradeBytes;
  }

  /** Reads what has come, if it could not be used before. */
  resume(): void {
    if (!this.#held.isEmpty) this.#pump();
  }

  /** Looks for whether a visitor from which nothing is read has left: that can't be seen otherwise. */
  peek(): void {
    if (!this.#socket.isPaused() || !this.#canPeek()) return;
    if (this.#held.byteCount < this.#readAheadInAll) this.#socket.resume();
    // Writing nothing fails on a connection that was reset.
    else if (!this.#isEncrypted && this.#socket.writableLength === 0) this.#socket.write('');
  }

  #canPeek(): boolean {
    return (this.#phase === 'exchange' || this.#phase === 'raw') && this.#readAheadInAll > limits.earlyUpgradeBytes;
  }

  // What is held.

  /** Hands on what is held back of another protocol. It is little: see readAheadInAll. */
  flushRaw(): void {
    while (!this.#held.isEmpty) this.#handler.data(this.#held.take());
  }

  /** Gives what was read from the socket and not used. */
  takeHeld(): Buffer {
    return this.#held.takeAll();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#held.push(chunk);
    this.#pump();
    this.#held.keep();
  };

  /** Reads what there is, as far as it can be used now. */
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (!this.#held.isEmpty && this.#canRead() && !this.#socket.destroyed) this.#read(this.#held.take());
    this.#isPumping = false;
    this.#regulate();
  }

  #canRead(): boolean {
    switch (this.#phase) {
      case 'head':
        return this.#handler.isReady();
      case 'exchange':
        return this.#body !== undefined && !this.#isHeldBack;
      case 'raw':
        return !this.#isHeldBack;
      default:
        return this.#phase === 'closing';
    }
  }

  /** Stops reading from the socket, or goes on. */
  #regulate(): void {
    if (this.#phase === 'gone') return;
    const isPaused = this.#held.byteCount >= limits.readAhead || (this.#isHeldBack && this.#phase !== 'closing');
    if (isPaused !== this.#socket.isPaused()) {
      if (isPaused) this.#socket.pause();
      else this.#socket.resume();
    }
  }

  #read(chunk: Buffer): void {
    try {
      if (this.#phase === 'head') this.#readHead(chunk);
      else if (this.#phase === 'exchange') this.#readBody(chunk);
      else if (this.#phase === 'raw') this.#handler.data(chunk);
      else this.#discardedBytes += chunk.length;
    } catch (thrown) {
      if (!(thrown instanceof Http1Error)) throw thrown;
      this.#handler.malformed(malformedRequest(thrown));
    }
  }

  #readHead(chunk: Buffer): void {
    const read = this.#heads.push(chunk);
    if (!read) {
      this.#handler.begun();
      return;
    }
    this.#held.putBack(read.rest);
    const { framing } = read.head;
    const hasBody = framing.kind === 'chunked' || framing.byteCount > 0;
    this.#body = hasBody ? bodyReader(framing, this.#onBody) : undefined;
    this.beginExchange();
    this.#handler.head(read.head);
  }

  readonly #onBody = (chunk: Buffer): void => {
    if (this.#isDiscarding) this.#discardedBytes += chunk.length;
    else this.#handler.data(chunk);
  };

  #readBody(chunk: Buffer): void {
    const body = this.#body as BodyReader;
    const rest = body.push(chunk);
    // What took its data may have ended all of it.
    if (rest === undefined || this.#phase !== 'exchange') return;
    this.#held.putBack(rest);
    checkTrailers(body.trailers);
    this.#body = undefined;
    if (!this.#isDiscarding) this.#handler.end(body.trailers);
  }
}
