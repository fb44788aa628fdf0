import { AditError } from '#internal/core/errors';
import type { Fields } from '#internal/http1/fields';
import type { ResponseHead } from '#internal/http1/head';
import type { AcceptedStream, ResponseHandler, StreamHandler } from '#internal/link/stream';
import { limits } from '#messages/limits';
import { frameTypes, V2Error } from '#messages/v2';
import { encodeLimit, encodeReason } from './payloads.ts';
import type { ReceiveWindow, WindowBudget } from './receive-window.ts';
import { longBytes, SendQueue } from './send-queue.ts';

/**
 * Bytes that wait to be sent, from which on whoever writes is asked to hold back until nothing waits: less than a read has,
 * so that of many streams with slow receivers each has one read waiting here, not two.
 */
const highWaterBytes = 32_768;
/** A stream that its receiver has read for long, and does not hold back, may have more waiting here: until half has gone. */
const flowingHighWaterBytes = 262_144;
const provenBytes = 8 * 1_048_576;

/** So much of a stream goes before what others have left. */
export const freshBytes = 4_096;

/** Who sends what streams have to say. */
export interface StreamSender {
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
}

/** Who keeps streams while they last. */
export interface StreamOwner {
  /** The stream leaves HTTP. */
  upgraded(stream: MuxStream): void;
  /** Both directions have ended: its number is free. */
  forget(stream: MuxStream): void;
}

export interface MuxStreamOptions {
  owner: StreamOwner;
  sender: StreamSender;
  /** How much may come. */
  window: ReceiveWindow;
  /** Whether the stream was opened here. */
  isOpener: boolean;
}

/** One stream of a mux: what waits to be sent, and how much may be. */
export class MuxStream implements AcceptedStream {
  readonly id: number;
  /** What its end here does with what comes. */
  handler!: StreamHandler | ResponseHandler;
  /** Whether it waits for its turn to send. */
  isQueued = false;
  readonly #owner: StreamOwner;
  readonly #sender: StreamSender;
  readonly #window: ReceiveWindow;
  readonly #queue = new SendQueue();
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

  constructor(id: number, { owner, sender, window, isOpener }: MuxStreamOptions) {
    this.id = id;
    this.#owner = owner;
    this.#sender = sender;
    this.#window = window;
    this.#isAnswered = !isOpener;
  }

  // Stream: what this end does.

  head(head: ResponseHead): void {
    if (this.#isSendDone) return;
    if (head.status === 101) this.#owner.upgraded(this);
    this.#sender.sendHead(this, head);
  }

  write(chunk: Buffer): boolean {
    if (this.#isSendDone || this.#trailers || chunk.length === 0) return true;
    this.#queue.push(chunk);
    this.#sender.sendData(this);
    if (chunk.length >= longBytes) this.#queue.keep(chunk, { waits: !this.canSend });
    // Whoever was asked to hold back and writes all the same still waits to be told.
    this.#wantsDrain ||= this.#queue.byteCount >= (this.#isFlowing() ? flowingHighWaterBytes : highWaterBytes);
    // What nobody has read yet need not be copied to wait here.
    this.#wantsDrain ||= !this.isFresh && this.#sender.awaitsRoom(this);
    return !this.#wantsDrain;
  }

  end(trailers: Fields = []): void {
    if (this.#isSendDone || this.#trailers) return;
    this.#trailers = trailers;
    this.#sender.sendData(this);
  }

  stop(): void {
    if (this.#isReceiveDone) return;
    this.#isReceiveDone = true;
    this.#sender.sendUrgent(frameTypes.stop, this, '');
    this.#closeIfDone();
  }

  reset(reason: AditError): void {
    if (this.#isClosed) return;
    this.#sender.sendUrgent(frameTypes.reset, this, encodeReason(reason));
    this.#close();
  }

  consumed(byteCount: number): void {
    if (this.#isReceiveDone) return;
    const limit = this.#window.consume(byteCount, this.#sender.now, this.#sender.rttMs);
    if (limit !== undefined) this.#sender.sendUrgent(frameTypes.credit, this, encodeLimit(limit));
  }

  /** Lets the other end of a long way send at once what it could only send one round trip later. */
  foresee(early: WindowBudget): void {
    const limit = this.#window.foresee(this.#sender.rttMs, early);
    if (limit !== undefined) this.#sender.sendUrgent(frameTypes.credit, this, encodeLimit(limit));
  }

  // What the mux asks when it is this stream's turn.

  get queuedBytes(): number {
    return this.#queue.byteCount;
  }

  get canSend(): boolean {
    return this.#queue.byteCount > 0 ? this.#sentBytes < this.#sendLimit : this.#trailers !== undefined;
  }

  /** Whether so much may go that waiting for more would not make it less work. */
  get isLong(): boolean {
    return this.sendableBytes >= longBytes;
  }

  /** Bytes of data that may go now. */
  get sendableBytes(): number {
    return Math.min(this.#queue.byteCount, this.#sendLimit - this.#sentBytes);
  }

  /** Trailers, once nothing else is left to send. */
  get endToSend(): Fields | undefined {
    return this.#queue.byteCount === 0 ? this.#trailers : undefined;
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
    this.#queue.take(target, offset, byteCount);
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
    if (this.#queue.byteCount >= (this.#isFlowing() ? flowingHighWaterBytes / 2 : 1)) return;
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
    if (this.canSend) this.#sender.sendData(this);
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

  #endSending(): void {
    this.#isSendDone = true;
    this.#trailers = undefined;
    this.#queue.clear();
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

function badAnswer(message: string): AditError {
  return new AditError('ADIT_AGENT_BAD_ANSWER', message);
}
