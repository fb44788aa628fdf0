import type { Socket } from 'node:net';
import { AditError, messageOf } from '#internal/core/errors';
import { fieldValue } from '#internal/http1/fields';
import { type RequestHead, type ResponseHead, writeRequestHead } from '#internal/http1/head';
import type { AcceptedStream, StreamHandler } from '#internal/link/stream';
import type { Origin } from './origin.ts';
import type { OriginConnection, ResponseReceiver } from './origin-connection.ts';

/** Up to here copying is cheaper than a write of several buffers. */
const joinedBytes = 16_384;

/** One stream and its request to the origin. */
export class Forwarding implements StreamHandler, ResponseReceiver {
  readonly #head: RequestHead;
  readonly #stream: AcceptedStream;
  readonly #origin: Origin;
  readonly #isRepeatable: boolean;
  #connection!: OriginConnection;
  /** The upgraded connection, which then carries bytes both ways. */
  #upgraded: Socket | undefined;
  #isHeadSent = false;
  #isChunked = false;
  #isRequestEnded = false;
  #hasRetried = false;
  #unconsumedBytes = 0;
  #isOver = false;

  constructor(head: RequestHead, stream: AcceptedStream, origin: Origin) {
    this.#head = head;
    this.#stream = stream;
    this.#origin = origin;
    this.#isRepeatable = isRepeatable(head);
    this.#connect();
    this.#sendHandshake();
  }

  // StreamHandler: what comes from the hub.

  data(chunk: Buffer): void {
    if (this.#isOver) return;
    if (this.#writeBody(chunk)) this.#stream.consumed(chunk.length);
    else this.#unconsumedBytes += chunk.length;
  }

  ended(): void {
    if (this.#isOver) return;
    this.#isRequestEnded = true;
    if (this.#upgraded) this.#upgraded.end();
    else this.#endRequest();
  }

  drained(): void {
    (this.#upgraded ?? this.#connection.socket).resume();
  }

  stopped(): void {
    this.#close();
  }

  reset(): void {
    this.#close();
  }

  // ResponseReceiver: what comes from the origin.

  responseHead({ status, reason, fields }: ResponseHead): void {
    if (!this.#isOver) this.#stream.head({ status, reason, fields });
  }

  responseData(chunk: Buffer): void {
    if (!this.#isOver && !this.#stream.write(chunk)) (this.#upgraded ?? this.#connection.socket).pause();
  }

  responseEnd(trailers: string[]): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (!this.#isRequestEnded) this.#connection.destroy();
    this.#stream.end(trailers);
  }

  requestDrained(): void {
    const byteCount = this.#unconsumedBytes;
    this.#unconsumedBytes = 0;
    if (byteCount > 0 && !this.#isOver) this.#stream.consumed(byteCount);
  }

  upgraded(head: ResponseHead, socket: Socket, early: Buffer): void {
    this.#upgraded = socket;
    if (fieldValue(this.#head.fields, 'upgrade') === undefined) {
      this.#fail(this.#brokenOff(new Error('it changed the protocol without being asked to')));
      return;
    }
    this.#stream.head(head);
    socket.on('drain', () => this.requestDrained());
    if (early.length > 0) this.responseData(early);
    socket.on('data', (chunk) => this.responseData(chunk));
    socket.once('end', () => this.#isOver || this.#stream.end());
    socket.on('error', (error) => this.#fail(this.#brokenOff(error)));
    socket.once('close', () => this.#fail(this.#brokenOff(new Error('the connection was closed'))));
  }

  failed(reason: Error): void {
    const { hasServed, hasAnswered, hasConnected } = this.#connection;
    // The origin may have closed an idle connection at the moment that we took it. Once is chance, twice is not.
    if (hasServed && !hasAnswered && this.#isRepeatable && !this.#hasRetried && !this.#isOver) {
      this.#hasRetried = true;
      this.#isHeadSent = false;
      this.#connect();
      if (this.#isRequestEnded) this.#endRequest();
    } else if (hasConnected) {
      this.#fail(this.#brokenOff(reason));
    } else {
      const message = `nothing answers at ${this.#origin.name}: ${messageOf(reason)}`;
      this.#fail(new AditError('ADIT_ORIGIN_UNREACHABLE', message, { cause: reason }));
    }
  }

  #connect(): void {
    const connection = this.#origin.take({ isRepeatable: this.#isRepeatable });
    this.#connection = connection;
    connection.begin(this.#head.method, this);
  }

  /** A request to upgrade has no body that its head could wait for. */
  #sendHandshake(): void {
    if (fieldValue(this.#head.fields, 'upgrade') === undefined) return;
    this.#connection.socket.write(this.#takeHead({ hasBody: false }), 'latin1');
  }

  /** The head goes with the first bytes of the body, so that a small request leaves in one write. */
  #writeBody(chunk: Buffer): boolean {
    const { socket } = this.#connection;
    if (this.#upgraded) return this.#upgraded.write(chunk);
    const head = this.#takeHead({ hasBody: true });
    if (chunk.length > joinedBytes) {
      if (head !== '') socket.write(head, 'latin1');
      if (!this.#isChunked) return socket.write(chunk);
      socket.cork();
      socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
      socket.write(chunk);
      const isTaken = socket.write('\r\n', 'latin1');
      socket.uncork();
      return isTaken;
    }
    const body = chunk.toString('latin1');
    return socket.write(head + (this.#isChunked ? `${chunk.length.toString(16)}\r\n${body}\r\n` : body), 'latin1');
  }

  #endRequest(): void {
    const head = this.#takeHead({ hasBody: false });
    const text = this.#isChunked ? `${head}0\r\n\r\n` : head;
    if (text !== '') this.#connection.socket.write(text, 'latin1');
    this.#connection.requestSent();
  }

  /** The head, the first time it is asked for. A body without a known length goes in chunks. */
  #takeHead({ hasBody }: { hasBody: boolean }): string {
    if (this.#isHeadSent) return '';
    this.#isHeadSent = true;
    const { method, target, fields } = this.#head;
    this.#isChunked = hasBody && fieldValue(fields, 'content-length') === undefined;
    return writeRequestHead({
      method,
      target,
      fields: this.#isChunked ? [...fields, 'Transfer-Encoding', 'chunked'] : fields,
    });
  }

  #brokenOff(cause: Error): AditError {
    const message = `the service at ${this.#origin.name} broke off: ${messageOf(cause)}`;
    return new AditError('ADIT_ORIGIN_FAILED', message, { cause });
  }

  #fail(reason: AditError): void {
    if (this.#isOver) return;
    this.#close();
    this.#stream.reset(reason);
  }

  #close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#upgraded) this.#upgraded.destroy();
    else this.#connection.destroy();
  }
}

/** Whether a request can be sent again as it was: it is idempotent (RFC 9110 §9.2.2) and has no body. */
function isRepeatable({ method, fields }: RequestHead): boolean {
  const length = fieldValue(fields, 'content-length');
  const isIdempotent = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'].includes(method);
  return isIdempotent && (length === undefined || length === '0') && fieldValue(fields, 'upgrade') === undefined;
}
