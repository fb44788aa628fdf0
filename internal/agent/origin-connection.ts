import type { Socket } from 'node:net';
import { type BodyReader, bodyReader, responseFraming } from '#internal/http1/body-reader';
import { Http1Error } from '#internal/http1/error';
import { fieldList, fieldValue, listMembers } from '#internal/http1/fields';
import type { ResponseHead } from '#internal/http1/head';
import { HeadBuffer } from '#internal/http1/head-buffer';
import { type ParsedResponse, parseResponseHead } from '#internal/http1/parse-head';
import { limits } from '#messages/limits';

/** Who waits for the response on a connection. After `responseEnd`, `upgraded` or `failed` nothing more comes. */
export interface ResponseReceiver {
  responseHead(head: ResponseHead): void;
  responseData(chunk: Buffer): void;
  responseEnd(trailers: string[]): void;
  /** The connection now belongs to the receiver; `early` came behind the 101 head. */
  upgraded(head: ResponseHead, socket: Socket, early: Buffer): void;
  failed(reason: Error): void;
  /** The connection takes bytes of the request again. */
  requestDrained(): void;
}

const closedEarly = 'the connection was closed before the response was complete';

/** One connection to the origin: requests one after the other, each with its response. */
export class OriginConnection {
  readonly socket: Socket;
  readonly #onIdle: (connection: OriginConnection) => void;
  readonly #head = new HeadBuffer(limits.requestHead);
  #receiver: ResponseReceiver | undefined;
  #method = '';
  #body: BodyReader | undefined;
  #isReusable = false;
  #isRequestSent = false;
  #isResponseDone = false;
  /** Whether the origin has accepted it. */
  hasConnected = false;
  /** Whether it has served a request before: then its end may only mean that it was idle for too long. */
  hasServed = false;
  /** Whether bytes of the response to the present request have come. */
  hasAnswered = false;
  /** When it was put aside, and for how long it may be. */
  idleSince = 0;
  idleMs = Number.POSITIVE_INFINITY;

  constructor(socket: Socket, onIdle: (connection: OriginConnection) => void) {
    this.socket = socket;
    this.#onIdle = onIdle;
    socket.once('connect', () => {
      this.hasConnected = true;
    });
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('end', () => this.#ended());
    socket.on('drain', () => this.#receiver?.requestDrained());
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error(closedEarly)));
  }

  get isUsable(): boolean {
    return !this.socket.destroyed && this.socket.writable;
  }

  /** Begins an exchange; the request is written to the socket by the caller, who then calls `requestSent`. */
  begin(method: string, receiver: ResponseReceiver): void {
    this.#method = method;
    this.#receiver = receiver;
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

  #read(chunk: Buffer): void {
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
      const read = this.#head.push(rest);
      if (!read) return;
      rest = read.rest;
      const head = parseResponseHead(read.text);
      if (head.status === 101) {
        this.#upgrade(head, rest);
        return;
      }
      this.#begin(head);
      // The receiver may have had enough of it.
      if (!this.#receiver) return;
    }
    rest = this.#body.push(rest);
    if (!rest) return;
    // What comes behind the end was not asked for, so the connection is out of step.
    if (rest.length > 0) this.#isReusable = false;
    this.#end(this.#body.trailers);
  }

  #begin(head: ParsedResponse): void {
    const isInterim = head.status < 200;
    if (!isInterim) {
      const framing = responseFraming(head.status, head.fields, this.#method);
      this.#body = bodyReader(framing, (data) => this.#receiver?.responseData(data));
      this.#isReusable = framing.kind !== 'close' && this.#isKeptAlive(head) && !this.#mayOverrun(head);
    }
    this.#receiver?.responseHead(head);
  }

  /** Reads whether the origin keeps the connection, and for how long. */
  #isKeptAlive({ version, fields }: ParsedResponse): boolean {
    const options = listMembers(fieldList(fields, 'connection'));
    const seconds = /timeout=(\d+)/i.exec(fieldValue(fields, 'keep-alive') ?? '')?.[1];
    // A second less than it says, since the origin counts from earlier than we do.
    if (seconds !== undefined) this.idleMs = Math.max(0, Number(seconds) - 1) * 1_000;
    return version === '1.1' ? !options.includes('close') : options.includes('keep-alive');
  }

  /**
   * Whether a body may follow where none can be: an origin that sends one after its head would answer the next request
   * with it.
   */
  #mayOverrun({ status, fields }: ParsedResponse): boolean {
    if (this.#method !== 'HEAD' && status !== 204 && status !== 304) return false;
    const length = fieldValue(fields, 'content-length');
    return fieldValue(fields, 'transfer-encoding') !== undefined || (length !== undefined && length !== '0');
  }

  #upgrade(head: ResponseHead, early: Buffer): void {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    this.socket.removeAllListeners();
    receiver?.upgraded(head, this.socket, early);
  }

  /** The origin has ended its side: that is how a body without a length ends. */
  #ended(): void {
    if (this.#body?.canEndHere) this.#end([]);
    else this.#fail(new Error(closedEarly));
  }

  #end(trailers: string[]): void {
    const receiver = this.#receiver;
    this.#body = undefined;
    this.#isResponseDone = true;
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
    this.#onIdle(this);
  }

  #fail(reason: Error): void {
    const receiver = this.#receiver;
    this.destroy();
    receiver?.failed(reason);
  }
}
