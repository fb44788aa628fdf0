import { AditError, messageOf } from '#internal/core/errors';
import { writeCopy } from '#internal/core/write-copy';
import type { Fields } from '#internal/http1/fields';
import type { ResponseHead } from '#internal/http1/head';
import { passableTrailers } from '#internal/http1/trailers';
import type { AcceptedStream, StreamHandler } from '#internal/link/stream';
import type { Advice } from './advice.ts';
import type { Origin } from './origin.ts';
import type { OriginConnection, ResponseReceiver } from './origin-connection.ts';
import type { OriginRequest } from './origin-request.ts';
import { publicHead } from './public-head.ts';
import { RequestWriter } from './request-writer.ts';

/** One stream and its request to the origin. */
export class Forwarding implements StreamHandler, ResponseReceiver {
  readonly #request: OriginRequest;
  readonly #stream: AcceptedStream;
  readonly #origin: Origin;
  readonly #advice: Advice;
  readonly #writer: RequestWriter;
  #connection: OriginConnection;
  /** Whether the hub, or the origin, has ended its direction. */
  #isRequestEnded = false;
  #isResponseEnded = false;
  #hasRetried = false;
  #unconsumedBytes = 0;
  #isOver = false;

  constructor(request: OriginRequest, stream: AcceptedStream, { origin, advice }: { origin: Origin; advice: Advice }) {
    this.#request = request;
    this.#stream = stream;
    this.#origin = origin;
    this.#advice = advice;
    this.#writer = new RequestWriter(request, this);
    this.#connection = origin.take(request);
    if (Number.isNaN(request.bodyBytes)) {
      // Before the head is sent, yet not before the stream knows its handler.
      const reason = new AditError('ADIT_BAD_REQUEST', 'the request has no valid Content-Length');
      process.nextTick(() => this.#fail(reason));
    }
    this.#begin();
  }

  // StreamHandler: what comes from the hub.

  data(chunk: Buffer): void {
    const connection = this.#connection;
    if (this.#isOver || connection.isWriteBroken) return;
    if (!connection.isUpgraded && !this.#writer.hasRoomFor(chunk.length)) {
      this.#fail(new AditError('ADIT_BAD_REQUEST', 'the request body is longer than its head says'));
      return;
    }
    this.#unconsumedBytes += chunk.length;
    const isTaken = connection.isUpgraded ? writeCopy(connection.socket, chunk) : this.#writer.write(chunk);
    if (isTaken) this.requestDrained();
  }

  ended(trailers: Fields): void {
    if (this.#isOver) return;
    this.#isRequestEnded = true;
    if (this.#connection.isUpgraded) this.#endUpgraded();
    else if (!this.#connection.isWriteBroken && !this.#writer.end(passableTrailers(trailers))) {
      this.#fail(new AditError('ADIT_BAD_REQUEST', 'the request body is shorter than its head says'));
    }
  }

  drained(): void {
    if (!this.#isOver) this.#connection.socket.resume();
  }

  stopped(): void {
    this.#fail(new AditError('ADIT_VISITOR_GONE', 'the visitor wants no more of the response'));
  }

  reset(reason: AditError): void {
    this.#advice.reset(this.#request, reason);
    this.#close();
  }

  // ResponseReceiver: what comes from the origin.

  responseHead(head: ResponseHead): void {
    if (this.#isOver) return;
    if (head.status === 403) this.#advice.refused(this.#request);
    this.#stream.head(publicHead(head, this.#request.names));
    // An upgraded connection may have been ended by the visitor before the origin agreed to it.
    if (this.#connection.isUpgraded && this.#isRequestEnded) this.#endUpgraded();
  }

  responseData(chunk: Buffer): void {
    if (!this.#isOver && !this.#stream.write(chunk)) this.#connection.socket.pause();
  }

  responseEnd(trailers: Fields): void {
    if (this.#isOver) return;
    this.#isResponseEnded = true;
    this.#isOver = !this.#connection.isUpgraded || this.#isRequestEnded;
    if (!this.#writer.isComplete) {
      // Answered early: nobody needs the rest of the request.
      if (!this.#connection.isWriteBroken) this.#stream.stop();
      this.#connection.destroy();
    }
    this.#stream.end(passableTrailers(trailers));
  }

  requestDrained(): void {
    const byteCount = this.#unconsumedBytes;
    this.#unconsumedBytes = 0;
    if (byteCount > 0 && !this.#isOver) this.#stream.consumed(byteCount);
  }

  requestBroken(): void {
    if (this.#isOver || (this.#writer.isComplete && !this.#connection.isUpgraded)) return;
    this.#stream.stop();
  }

  failed(reason: Error): void {
    const { hasServed, hasAnswered, hasConnected, isUpgraded, socket } = this.#connection;
    // The origin may have closed an idle connection at the moment that we took it. Once is chance, twice is not.
    if (hasServed && !hasAnswered && this.#request.isRepeatable && !this.#hasRetried && !this.#isOver) {
      this.#hasRetried = true;
      this.#connection = this.#origin.connect();
      this.#begin();
      return;
    }
    if (this.#request.isUpgrade && hasConnected && !isUpgraded) this.#advice.refused(this.#request);
    this.#origin.onTrouble();
    const { name } = this.#origin;
    const options = { cause: reason };
    if (hasConnected) {
      this.#fail(
        new AditError('ADIT_ORIGIN_FAILED', `the service at ${name} broke off: ${messageOf(reason)}`, options),
      );
    } else {
      this.#fail(new AditError('ADIT_ORIGIN_UNREACHABLE', this.#origin.whyUnreachable(socket, reason), options));
    }
  }

  #begin(): void {
    this.#connection.begin(this.#request, this);
    this.#writer.begin(this.#connection);
  }

  #endUpgraded(): void {
    this.#isOver = this.#isResponseEnded;
    this.#connection.socket.end();
  }

  #fail(reason: AditError): void {
    if (this.#isOver) return;
    this.#close();
    this.#stream.reset(reason);
  }

  #close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#connection.destroy();
  }
}
