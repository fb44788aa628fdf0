import { AditError } from '#internal/core/errors';
import { SpareBuffers } from '#internal/core/spare-buffers';
import { copyToKeep } from '#internal/core/young-garbage';
import type { Fields } from '#internal/http1/fields';
import type { ResponseHead } from '#internal/http1/head';
import type { AcceptedStream, ResponseHandler, StreamHandler } from '#internal/link/stream';
import { limits } from '#messages/limits';
import { frameTypes, V2Error } from '#messages/v2';
import { encodeLimit, encodeReason } from './payloads.ts';
import type { ReceiveWindow, WindowBudget } from './receive-window.ts';

/**
 * Bytes that wait to be sent, from which on whoever writes is asked to hold back until nothing waits: less than a read has,
 * so that of many streams with slow receivers each has one read waiting here, not two.
 */
const highWaterBytes = 32_768;
/** A stream that its receiver has read for long, and does not hold back, may have more waiting here: until half has gone. */
const flowingHighWaterBytes = 262_144;
const provenBytes = 8 * 1_048_576;

/** Data that is worth a batch of its own. */
const longBytes = 16_384;

/** So much of a stream goes before what others have left. */
export const freshBytes = 4_096;

/** For what waits of long reads. What waits for its turn among many streams would be old garbage afterwards. */
const copies = new SpareBuffers(65_536, 64);

/** What a stream needs of the mux that it is part of. */
export interface StreamOwner {
  /** Now, in milliseconds, and the way's shortest round trip. */
  readonly now: number;
  readonly rttMs: number;
  /** Sends a head, before all data. */
  sendHead(stream: MuxStream, head: ResponseHead): void;
  /** Sends a frame as soon as possible. */
  sendUrgent(type: number, stream: MuxStream, payload: string | Buffer): void;
  /** The stream has data to send, or its end. */
  sendData(stream: MuxStream): void;
  /** Whether a long piece would have to wait here. Then the stream is told once it would not. */
  awaitsRoom(stream: MuxStream): boolean;
  /** Both directions have ended: its number is free. */
  forget(stream: MuxStream): void;
}

/** One stream of a mux: what waits to be sent, and how much may be. */
export class MuxStream implements AcceptedStream {
  readonly id: number;
  /** What its end here does with what comes. */
  handler!: StreamHandler | ResponseHandler;
  /** Whether it waits for its turn to send. */
  isQueued = false;
  readonly #owner: StreamOwner;
  readonly #window: ReceiveWindow;
  #chunks: Buffer[] = [];
  /** Bytes of the first chunk that were sent. */
  #sentOfFirst = 0;
  #queuedBytes = 0;
  #sentBytes = 0;
  #sendLimit: number = limits.streamWindow;
  #trailers: Fields | undefined;
  #wantsDrain = false;
  #isSendDone = false;
  #isReceiveDone = false;
  /** Whether that was the other end's word, not ours. */
  #isEnded = false;
  #isClosed = false;
  /** Whether the other end has answered with a final head; only the opening end is answered. */
  #isAnswered: boolean;

  constructor(id: number, owner: StreamOwner, window: ReceiveWindow, { isOpener }: { isOpener: boolean }) {
    this.id = id;
    this.#owner = owner;
    this.#window = window;
    this.#isAnswered = !isOpener;
  }

  // Stream: what this end does.

  head(head: ResponseHead): void {
    if (!this.#isSendDone) this.#owner.sendHead(this, head);
  }

  write(chunk: Buffer): boolean {
    if (this.#isSendDone || this.#trailers || chunk.length === 0) return true;
    // A short piece seldom leaves before its end, or others, have come too.
    const isShort = chunk.length < longBytes;
    this.#chunks.push(isShort ? copyToKeep(chunk) : chunk);
    this.#queuedBytes += chunk.length;
    this.#owner.sendData(this);
    if (!isShort) this.#keepRestOf(chunk);
    // Whoever was asked to hold back and writes all the same still waits to be told.
    this.#wantsDrain ||= this.#queuedBytes >= (this.#isFlowing() ? flowingHighWaterBytes : highWaterBytes);
    // What nobody has read yet need not be copied to wait here.
    this.#wantsDrain ||= !this.isFresh && this.#owner.awaitsRoom(this);
    return !this.#wantsDrain;
  }

  end(trailers: Fields = []): void {
    if (this.#isSendDone || this.#trailers) return;
    this.#trailers = trailers;
    this.#owner.sendData(this);
  }

  stop(): void {
    if (this.#isReceiveDone) return;
    this.#isReceiveDone = true;
    this.#owner.sendUrgent(frameTypes.stop, this, '');
    this.#closeIfDone();
  }

  reset(reason: AditError): void {
    if (this.#isClosed) return;
    this.#owner.sendUrgent(frameTypes.reset, this, encodeReason(reason));
    this.#close();
  }

  consumed(byteCount: number): void {
    if (this.#isReceiveDone) return;
    const limit = this.#window.consume(byteCount, this.#owner.now, this.#owner.rttMs);
    if (limit !== undefined) this.#owner.sendUrgent(frameTypes.credit, this, encodeLimit(limit));
  }

  /** Lets the other end of a long way send at once what it could only send one round trip later. */
  foresee(early: WindowBudget): void {
    const limit = this.#window.foresee(this.#owner.rttMs, early);
    if (limit !== undefined) this.#owner.sendUrgent(frameTypes.credit, this, encodeLimit(limit));
  }

  // What the mux asks when it is this stream's turn.

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get canSend(): boolean {
    return this.#queuedBytes > 0 ? this.#sentBytes < this.#sendLimit : this.#trailers !== undefined;
  }

  /** Whether so much may go that waiting for more would not make it less work. */
  get isLong(): boolean {
    return this.sendableBytes >= longBytes;
  }

  /** Bytes of data that may go now. */
  get sendableBytes(): number {
    return Math.min(this.#queuedBytes, this.#sendLimit - this.#sentBytes);
  }

  /** Trailers, once nothing else is left to send. */
  get endToSend(): Fields | undefined {
    return this.#queuedBytes === 0 ? this.#trailers : undefined;
  }

  /** Whether somebody waits to write more. */
  get isHeldBack(): boolean {
    return this.#wantsDrain;
  }

  /** Whether little of it was sent: short streams go before long ones. */
  get isFresh(): boolean {
    return this.#sentBytes < freshBytes;
  }

  /** Moves data into `target`, no more than {@link sendableBytes}. */
  take(target: Buffer, offset: number, byteCount: number): void {
    let at = offset;
    const end = offset + byteCount;
    while (at < end) {
      const chunk = this.#chunks[0] as Buffer;
      const count = chunk.copy(target, at, this.#sentOfFirst, this.#sentOfFirst + end - at);
      at += count;
      this.#sentOfFirst += count;
      if (this.#sentOfFirst < chunk.length) break;
      this.#chunks.shift();
      this.#sentOfFirst = 0;
      copies.give(chunk);
    }
    this.#queuedBytes -= byteCount;
    this.#sentBytes += byteCount;
  }

  /** The end has been put on its way. */
  endSent(): void {
    this.#trailers = undefined;
    this.#isSendDone = true;
    this.#closeIfDone();
  }

  /** Tells whoever was asked to hold back that it may go on. */
  tellIfDrained(): void {
    if (!this.#wantsDrain || this.#isClosed) return;
    if (this.#queuedBytes >= (this.#isFlowing() ? flowingHighWaterBytes / 2 : 1)) return;
    this.#wantsDrain = false;
    this.handler.drained();
  }

  // What comes from the other end. Each may throw V2Error, which ends the session.

  receiveHead(head: ResponseHead): void {
    if (this.#isReceiveDone) return;
    if (this.#isAnswered) this.fail(badAnswer('the agent answered twice'));
    else {
      this.#isAnswered = head.status >= 200 || head.status === 101;
      (this.handler as ResponseHandler).head(head);
    }
  }

  receiveData(chunk: Buffer): void {
    if (!this.#window.receive(chunk.length)) throw new V2Error('a stream was sent more than it had granted');
    if (this.#isEnded) {
      this.fail(badAnswer('a body went on behind its end'));
      return;
    }
    if (this.#isReceiveDone) return;
    if (!this.#isAnswered) this.fail(badAnswer('the agent sent a body before the head of its answer'));
    else if (chunk.length > 0) this.handler.data(chunk);
  }

  receiveEnd(trailers: Fields): void {
    if (this.#isReceiveDone) return;
    if (!this.#isAnswered) {
      this.fail(badAnswer('the agent ended its answer before it began'));
      return;
    }
    this.#isReceiveDone = this.#isEnded = true;
    this.handler.ended(trailers);
    this.#closeIfDone();
  }

  receiveCredit(limit: number): void {
    if (limit <= this.#sendLimit) return;
    this.#sendLimit = limit;
    if (this.canSend) this.#owner.sendData(this);
  }

  receiveStop(): void {
    if (this.#isSendDone) return;
    this.#endSending();
    this.handler.stopped();
    this.#closeIfDone();
  }

  receiveReset(reason: AditError): void {
    if (this.#isClosed) return;
    this.#close();
    this.handler.reset(reason);
  }

  /** Ends the stream, and tells both ends why. */
  fail(reason: AditError): void {
    if (this.#isClosed) return;
    this.reset(reason);
    this.handler.reset(reason);
  }

  #isFlowing(): boolean {
    return this.#sentBytes < this.#sendLimit && this.#sentBytes > provenBytes;
  }

  /** Copies what was not sent of a chunk that was written. Whoever was told that there is room may have written behind it. */
  #keepRestOf(chunk: Buffer): void {
    const at = this.#chunks.lastIndexOf(chunk);
    if (at === -1) return;
    const rest = at === 0 ? chunk.subarray(this.#sentOfFirst) : chunk;
    if (at === 0) this.#sentOfFirst = 0;
    // What may have to wait for long must not keep a much larger buffer than it needs.
    const leastBytes = this.canSend ? longBytes : copies.byteCount / 2;
    const isLong = rest.length >= leastBytes && rest.length <= copies.byteCount;
    this.#chunks[at] = isLong ? longCopy(rest) : copyToKeep(rest);
  }

  #endSending(): void {
    this.#isSendDone = true;
    this.#trailers = undefined;
    this.#chunks = [];
    this.#sentOfFirst = this.#queuedBytes = 0;
  }

  #closeIfDone(): void {
    if (this.#isSendDone && this.#isReceiveDone) this.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = this.#isReceiveDone = true;
    this.#endSending();
    this.#window.close();
    this.#owner.forget(this);
  }
}

function longCopy(chunk: Buffer): Buffer {
  const copy = copies.take().subarray(0, chunk.length);
  chunk.copy(copy);
  return copy;
}

function badAnswer(message: string): AditError {
  return new AditError('ADIT_AGENT_BAD_ANSWER', message);
}
