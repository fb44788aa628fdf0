import type { Socket } from 'node:net';
import { type BodyReader, bodyReader, noBody } from '#internal/http1/body-reader';
import { Http1Error } from '#internal/http1/error';
import type { Fields } from '#internal/http1/fields';
import type { ResponseHead } from '#internal/http1/head';
import { HeadBuffer } from '#internal/http1/head-buffer';
import { limits } from '#messages/limits';
import type { OriginRequest } from './origin-request.ts';
import type { OriginResponse, OriginResponses } from './origin-response.ts';
import { outliveWrites } from './outlive-writes.ts';

/** Who waits for the response on a connection. `failed` is the last call; after `responseEnd` it comes only if upgraded. */
export interface ResponseReceiver {
  /** Interim responses, then the final one. After a 101 the connection `isUpgraded`. */
  responseHead(head: ResponseHead): void;
  /** A piece of the body, whose buffer is used again afterwards. */
  responseData(chunk: Buffer): void;
  responseEnd(trailers: Fields): void;
  failed(reason: Error): void;
  /** The connection takes bytes of the request again. */
  requestDrained(): void;
  /** The connection takes no more bytes, ever. A response may still come. */
  requestBroken(): void;
}

/** Who has a connection between its requests. */
export interface Keeper {
  keep(connection: OriginConnection): void;
  /** The origin has closed it while it was kept, or since, before a response began. */
  dropped(connection: OriginConnection): void;
}

const closedEarly = 'the connection was closed before the response was complete';

/** One connection to the origin: requests one after the other, each with its response. */
export class OriginConnection {
  readonly socket: Socket;
  readonly #responses: OriginResponses;
  readonly #keeper: Keeper;
  readonly #head = new HeadBuffer(limits.requestHead);
  readonly #onBody = (data: Buffer): void => this.#receiver?.responseData(data);
  #receiver: ResponseReceiver | undefined;
  #request: OriginRequest | undefined;
  #body: BodyReader | undefined;
  #interimCount = 0;
  #isReusable = false;
  #isRequestSent = false;
  #isResponseDone = false;
  /** Whether the origin has accepted it. */
  hasConnected = false;
  /** Whether it has served a request before: then its end may only mean that it was idle for too long. */
  hasServed = false;
  /** Whether bytes of the response to the present request have come. */
  hasAnswered = false;
  /** Whether the origin has ended its reading side. */
  isWriteBroken = false;
  /** Whether it has left HTTP: then it carries bytes both ways until each side has ended. */
  isUpgraded = false;
  /** When it was put aside, and for how long it may be. */
  idleSince = 0;
  idleMs = 0;

  /** `responses` reads heads; `keeper` gets it behind each one that leaves it fit for another. */
  constructor(socket: Socket, responses: OriginResponses, keeper: Keeper) {
    this.socket = socket;
    this.#responses = responses;
    this.#keeper = keeper;
    outliveWrites(socket, () => {
      this.isWriteBroken = true;
      this.#receiver?.requestBroken();
    });
    socket.on('end', () => this.#ended());
    socket.on('drain', () => this.#receiver?.requestDrained());
    socket.on('error', (error) => {
      this.#noteDrop();
      this.#fail(error);
    });
    socket.on('close', () => this.#fail(new Error(closedEarly)));
  }

  get isUsable(): boolean {
    return !this.socket.destroyed && this.socket.writable && !this.isWriteBroken;
  }

  /** Begins an exchange; the request is written to the socket by the caller, who then calls `requestSent`. */
  begin(request: OriginRequest, receiver: ResponseReceiver): void {
    this.#request = request;
    this.#receiver = receiver;
    this.#interimCount = 0;
    this.#isRequestSent = this.#isResponseDone = this.hasAnswered = false;
  }

  requestSent(): void {
    this.#isRequestSent = true;
    if (this.#isResponseDone) this.#release();
  }

  destroy(): void {
    this.#receiver = undefined;
    this.socket.destroy();
  }

  /** Takes what the origin has sent. The buffer may be used again afterwards. */
  read(chunk: Buffer): void {
    if (!this.#receiver) {
      // Nobody asked for it, so nobody can tell what it answers.
      this.socket.destroy();
      return;
    }
    this.hasAnswered = true;
    try {
      this.#parse(chunk);
    } catch (error) {
      if (!(error instanceof Http1Error)) throw error;
      this.#fail(error);
    }
  }

  #parse(chunk: Buffer): void {
    let rest: Buffer | undefined = chunk;
    while (!this.#body) {
      const read = this.#responses.read(this.#head, rest);
      if (!read) return;
      rest = read.rest;
      this.#begin(read.head);
      // The receiver may have had enough of it.
      if (!this.#receiver) return;
    }
    rest = this.#body.push(rest);
    if (!rest) return;
    // What comes behind the end was not asked for, so the connection is out of step.
    if (rest.length > 0) this.#isReusable = false;
    this.#end(this.#body.trailers);
  }

  #begin({ head, framing, saysBody, isKept, idleMs }: OriginResponse): void {
    if (head.status === 101) this.#upgrade();
    else if (head.status < 200) this.#countInterim();
    else {
      const isHead = this.#request?.method === 'HEAD';
      this.#body = bodyReader(isHead ? noBody : framing, this.#onBody);
      // A body may follow where none can be: the next request would be answered with it.
      const mayOverrun = saysBody && (isHead || head.status === 204 || head.status === 304);
      this.#isReusable =
        isKept && (isHead || framing.kind !== 'close') && !mayOverrun && this.#request?.signsIn === false;
      this.idleMs = idleMs;
    }
    this.#receiver?.responseHead(head);
  }

  /** From here on the connection ends as a body without a length does: when the origin ends its side. */
  #upgrade(): void {
    if (!this.#request?.isUpgrade) throw new Http1Error(502, 'it changed the protocol without being asked to');
    if (!this.#isRequestSent) throw new Http1Error(502, 'it changed the protocol before it had the whole request');
    this.isUpgraded = true;
    this.#body = bodyReader({ kind: 'close' }, this.#onBody);
    this.#isReusable = false;
  }

  #countInterim(): void {
    this.#interimCount += 1;
    if (this.#interimCount > limits.interimResponseCount)
      throw new Http1Error(502, 'it sent too many interim responses');
  }

  /** The origin has ended its side: that is how a body without a length ends. */
  #ended(): void {
    this.#noteDrop();
    if (this.#body?.canEndHere) this.#end([]);
    else this.#fail(new Error(closedEarly));
  }

  #end(trailers: Fields): void {
    const receiver = this.#receiver;
    this.#isResponseDone = true;
    if (this.isUpgraded) {
      receiver?.responseEnd(trailers);
      return;
    }
    this.#body = undefined;
    if (this.#isRequestSent) this.#release();
    // A request that was answered before it was sent whole has no place left to go.
    else this.#isReusable = false;
    receiver?.responseEnd(trailers);
  }

  #release(): void {
    this.#receiver = undefined;
    if (!this.#isReusable || !this.isUsable) {
      this.socket.destroy();
      return;
    }
    this.hasServed = true;
    // The last response may have been held back; the next one must not be.
    this.socket.resume();
    this.#keeper.keep(this);
  }

  /** The origin has closed it, where another one keeps it for the next request. */
  #noteDrop(): void {
    if (this.hasServed && (!this.#receiver || !this.hasAnswered)) this.#keeper.dropped(this);
  }

  #fail(reason: Error): void {
    const receiver = this.#receiver;
    this.destroy();
    receiver?.failed(reason);
  }
}
