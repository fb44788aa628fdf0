import type { Socket } from 'node:net';
import type { Clock } from '#internal/core/clock';
import { AditError } from '#internal/core/errors';
import type { Fields } from '#internal/http1/fields';
import { MessageWriter } from '#internal/http1/message-writer';
import type { ParsedRequest } from '#internal/http1/parse-head';
import type { ReadRequest } from '#internal/http1/request-reader';
import { DiscardWatch } from './discard-watch.ts';
import type { FramedResponse } from './frame-response.ts';
import { HeadWait, headMs } from './head-wait.ts';
import type { RepeatedAnswer } from './repeated-answer.ts';
import type { RepeatedRequest } from './repeated-request.ts';
import type { RequestReceiver } from './request-receiver.ts';
import { SlowReaderWatch } from './slow-reader.ts';
import { VisitorInput } from './visitor-input.ts';

/** Who decides on a visitor's requests. */
export interface VisitorHandler {
  /** A request's head. It is answered by the connection's methods, now or later. */
  request(connection: VisitorConnection, request: ParsedRequest): void;
  /** Input that is no request; to be answered, and the last on its connection. */
  malformed(connection: VisitorConnection, error: AditError): void;
}

/** One visitor's connection: its requests, one after the other, each answered before the next one is read. */
export class VisitorConnection {
  readonly socket: Socket;
  readonly isEncrypted: boolean;
  readonly #clock: Clock;
  readonly #handler: VisitorHandler;
  readonly #input: VisitorInput;
  /** What the visitor is sent. */
  readonly writer: MessageWriter;
  readonly #watch: SlowReaderWatch;
  readonly #wait: HeadWait;
  /** Since we ended our side, or began to throw a body away. */
  readonly #discard = new DiscardWatch();
  #receiver: RequestReceiver | undefined;
  /** Whether the connection ends behind the present response. */
  isLast = false;
  /** What the last request and the last answer were made into. */
  repeatedRequest: RepeatedRequest | undefined;
  repeatedAnswer: RepeatedAnswer | undefined;
  /** Is called once the socket is closed or somebody else's. */
  onLeft: () => void = () => undefined;

  constructor(socket: Socket, options: { isEncrypted: boolean; clock: Clock; handler: VisitorHandler }) {
    const { isEncrypted, clock } = options;
    this.socket = socket;
    this.isEncrypted = isEncrypted;
    this.#clock = clock;
    this.#handler = options.handler;
    this.#wait = new HeadWait(clock.now());
    this.writer = new MessageWriter(socket, () => this.#taken());
    this.#watch = new SlowReaderWatch(socket);
    const handler = {
      // Whoever does not read its answers gets no more of them.
      isReady: () => this.writer.isClear,
      begun: () => this.#wait.begun(clock.now()),
      head: (request: ReadRequest) => this.#request(request),
      data: (chunk: Buffer) => this.#receiver?.requestData(chunk),
      end: (trailers: Fields) => this.#receiver?.requestEnd(trailers),
      malformed: (error: AditError) => this.#malformed(error),
    };
    this.#input = new VisitorInput(socket, { isEncrypted, handler });
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
  }

  /** Whether nothing is read for now because that was asked. */
  get isHeldBack(): boolean {
    return this.#input.isHeldBack;
  }

  /** Whether a part of the present request's body has yet to come. */
  get hasMore(): boolean {
    return this.#input.hasMore;
  }

  // For whoever answers the present request.

  /** Names who takes the rest of the request. */
  accept(receiver: RequestReceiver): void {
    this.#receiver = receiver;
  }

  /** Reads no more of the present request for now. */
  hold(): void {
    this.#input.hold();
  }

  /** Reads on. */
  release(): void {
    this.#input.release();
  }

  /** Takes no more than a handshake's worth of bytes until the upgrade is answered. */
  awaitUpgrade(): void {
    this.#input.awaitUpgrade();
  }

  /** Throws away what is still to come of the request's body, for a while. */
  discardBody(): void {
    this.#discard.begin(this.#clock.now());
    this.#input.discardBody();
  }

  /** Writes the head of the response. */
  begin({ text, form, isLast }: FramedResponse): void {
    this.isLast = isLast;
    this.writer.begin(text, form);
  }

  /** Ends the response. False when it is shorter than its head says. */
  end(trailers: Fields): boolean {
    if (!this.writer.end(trailers)) return false;
    this.#receiver = undefined;
    if (this.#input.phase === 'exchange') this.#goOn();
    return true;
  }

  /** Ends the connection so that a response that is not whole looks cut. */
  cut(): void {
    this.writer.flush();
    // A body without a length ends with the connection, so only a reset tells it from a whole one; TLS has an end of its
    // own, which is left out here.
    const isCut = this.writer.isEndedByClose && !this.socket.writableFinished;
    if (isCut && !this.isEncrypted) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  /**
   * Ends our side, and throws away what still comes until the visitor ends its own. Closing a socket with unread bytes
   * would reset the connection, and the visitor could lose our answer with it.
   */
  close(): void {
    this.#discard.begin(this.#clock.now());
    this.writer.close();
    this.#input.discardAll();
  }

  /** Answers an upgrade by its 101: what follows in both directions is another protocol. */
  upgrade(text: string): void {
    this.writer.begin(text, { kind: 'close' });
    this.#input.readRaw();
  }

  /** Leaves the socket to somebody else. Gives what was read and not used. */
  detach(): Buffer {
    this.#input.stop();
    this.writer.detach();
    this.socket.pause();
    this.socket.off('end', this.#onEnd).off('error', this.#onError).off('close', this.#onClose);
    this.onLeft();
    return this.#input.takeHeld();
  }

  // For the listener.

  /** Ends the connection if no request has come for a second. True when nothing is awaited from it, be it for that. */
  closeIfSilent(now: number): boolean {
    const { phase } = this.#input;
    if (phase === 'closing') return this.socket.writableFinished;
    if (phase !== 'head') return phase !== 'exchange';
    if (this.writer.isWaiting || !this.#wait.isSilent(now)) return false;
    this.close();
    return true;
  }

  /** Holds the visitor to its deadlines; called once a second. */
  check(now: number): void {
    if (this.#watch.isStalled(now, this.writer.isWaiting)) {
      this.cut();
      return;
    }
    const { phase, isDiscarding, discardedBytes } = this.#input;
    if (phase === 'head') this.#checkHead(now);
    else if (phase === 'closing') this.#checkClosing(now);
    else {
      if (isDiscarding && this.#discard.isOver(now, discardedBytes)) this.hold();
      this.#receiver?.check(now);
    }
    this.#input.peek();
  }

  #checkHead(now: number): void {
    const verdict = this.#wait.verdict(now);
    if (verdict === 'silent') this.close();
    else if (verdict === 'late') {
      this.#refuse(
        new AditError('ADIT_REQUEST_TIMEOUT', `the request head was not complete after ${headMs / 1_000} s`),
      );
    }
  }

  #checkClosing(now: number): void {
    // While our answer is still on its way, it is the slow reader's watch that counts.
    if (!this.socket.writableFinished) this.#discard.begin(now);
    else if (this.#discard.isOver(now, this.#input.discardedBytes)) this.socket.destroy();
  }

  readonly #onEnd = (): void => {
    const { phase } = this.#input;
    if (phase === 'raw') {
      // What is held back comes before the end.
      this.#input.flushRaw();
      this.#receiver?.requestEnd([]);
    } else if (phase === 'exchange') this.socket.destroy();
    else this.close();
  };

  readonly #onError = (): void => undefined; // Its close says so too.

  readonly #onClose = (): void => {
    this.#input.stop();
    const receiver = this.#receiver;
    this.#receiver = undefined;
    receiver?.gone();
    this.onLeft();
  };

  #taken(): void {
    this.#receiver?.responseTaken();
    this.#input.resume();
  }

  #request(request: ReadRequest): void {
    this.isLast = !request.isKept;
    this.#handler.request(this, request);
  }

  #malformed(error: AditError): void {
    if (this.#input.phase === 'head') {
      this.#refuse(error);
      return;
    }
    this.isLast = true;
    if (this.#input.isDiscarding) this.cut();
    else this.#receiver?.requestFailed(error);
  }

  /** Has a request answered that could not be read. */
  #refuse(error: AditError): void {
    this.#input.beginExchange();
    this.isLast = true;
    this.#handler.malformed(this, error);
  }

  /** The response has ended: goes on to the next request, or ends the connection. */
  #goOn(): void {
    // A request that is still being sent when it has been answered leaves no way to the next one.
    if (this.isLast || this.hasMore) {
      this.close();
      return;
    }
    this.#wait.again(this.#clock.now());
    this.#input.readHead();
  }
}
