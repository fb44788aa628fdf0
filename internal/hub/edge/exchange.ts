import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock, Stop } from '#internal/core/clock';
import { AditError, messageOf } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import type { Fields } from '#internal/http1/fields';
import { fieldValue } from '#internal/http1/fields';
import { type RequestHead, type ResponseHead, writeResponseHead } from '#internal/http1/head';
import type { ResponseHandler, Stream, StreamOpener } from '#internal/link/stream';
import type { Gate } from '../gate.ts';
import type { Metrics } from '../metrics.ts';
import { endAfterRequest, isWhole } from './early-response.ts';
import { errorResponse } from './error-response.ts';
import { IdleWatch } from './idle-watch.ts';
import { type PublicAddress, visibleResponseFields } from './response-fields.ts';
import type { UnderWay } from './under-way.ts';

/** A request body that sends nothing for this long, while we read, is given up. */
const bodyIdleMs = 30_000;
/** How long a visitor may take to close an upgraded connection whose other side has ended. */
const closeMs = 5_000;

export interface ExchangeDeps {
  clock: Clock;
  log: Log;
  gate: Gate;
  metrics: Metrics;
  underWay: UnderWay;
  /** How long the response head may take once the request has been forwarded. */
  timeoutMs: number;
}

/** What the visitor sent, and the ways to answer it. */
export interface VisitorSide {
  request: IncomingMessage;
  response: ServerResponse;
  /** The socket and what was read behind the head, when the visitor asks to upgrade. */
  upgrade: { socket: Duplex; early: Buffer } | undefined;
  publicAddress: PublicAddress;
}

/** One visitor's request on its way to an agent and back. */
export class Exchange implements ResponseHandler {
  readonly #visitor: VisitorSide;
  readonly #deps: ExchangeDeps;
  readonly #startedAt: number;
  #stream: Stream | undefined;
  #stopTimer: Stop = () => undefined;
  #status = 0;
  #bytesIn = 0;
  #bytesOut = 0;
  #unconsumedBytes = 0;
  #isUpgraded = false;
  #isOver = false;

  constructor(visitor: VisitorSide, deps: ExchangeDeps) {
    this.#visitor = visitor;
    this.#deps = deps;
    this.#startedAt = deps.clock.now();
    deps.metrics.begun();
    deps.underWay.begin();
    const { request, response, upgrade } = visitor;
    (upgrade?.socket ?? response).once('close', () => this.#visitorGone());
    response.on('drain', () => this.#drained());
    request.on('error', () => undefined); // Its close says so too.
  }

  /** Asks the gate, opens the stream and begins to forward the body. */
  async start(clientId: string, head: RequestHead, findOpener: () => StreamOpener | undefined): Promise<void> {
    try {
      const { gate } = this.#deps;
      // Names that nobody serves are not counted: strangers can make up as many as they like.
      if (!findOpener()) throw offline();
      await gate.admit(clientId);
      if (this.#isOver) return;
      gate.checkRequestBody(Number(fieldValue(head.fields, 'content-length') ?? 0));
      const opener = findOpener();
      if (!opener) throw offline();
      const stream = opener.open(head, this);
      // It may have been refused at once.
      if (this.#isOver) return;
      this.#stream = stream;
      if (this.#visitor.upgrade) this.#awaitHead();
      else this.#forwardBody(stream);
    } catch (thrown) {
      this.reset(thrown instanceof AditError ? thrown : this.#mistake(thrown));
    }
  }

  // ResponseHandler: what comes from the agent.

  head({ status, reason, fields }: ResponseHead): void {
    if (this.#isOver || status < 101) return;
    const { upgrade, publicAddress } = this.#visitor;
    if (status === 101) {
      if (!upgrade)
        this.reset(new AditError('ADIT_AGENT_BAD_ANSWER', 'the answer changes a protocol that nobody asked to'));
      else this.#upgrade(upgrade, { status, reason, fields });
      return;
    }
    if (status < 200) return;
    try {
      this.#deps.gate.checkResponseBody(Number(fieldValue(fields, 'content-length') ?? 0));
    } catch (error) {
      this.reset(error as AditError);
      return;
    }
    this.#respond({ status, reason, fields: visibleResponseFields(fields, publicAddress) });
  }

  data(chunk: Buffer): void {
    if (this.#isOver) return;
    this.#bytesOut += chunk.length;
    const { upgrade, response } = this.#visitor;
    const isTaken = this.#isUpgraded && upgrade ? upgrade.socket.write(chunk) : writeBody(response, chunk);
    if (isTaken) this.#stream?.consumed(chunk.length);
    else this.#unconsumedBytes += chunk.length;
  }

  ended(_trailers: Fields): void {
    if (this.#isOver) return;
    const { upgrade, request, response } = this.#visitor;
    if (this.#isUpgraded && upgrade) {
      // The visitor's own end closes the exchange, or we do when it does not come.
      upgrade.socket.end();
      this.#stopTimer = this.#deps.clock.after(closeMs, () => upgrade.socket.destroy());
      return;
    }
    if (upgrade || isWhole(request)) response.end();
    else endAfterRequest(request, response, this.#deps.clock);
    // What is still to be sent or read no longer concerns the agent.
    this.#finish();
  }

  drained(): void {
    const { request, upgrade } = this.#visitor;
    (upgrade?.socket ?? request).resume();
  }

  stopped(): void {
    this.drained();
  }

  reset(reason: AditError): void {
    if (this.#isOver) return;
    this.#stopTimer();
    const { request, response, upgrade } = this.#visitor;
    if (response.headersSent || this.#isUpgraded) {
      this.#deps.log.info('response broken off', { reason: reason.message });
      // The end must look cut, not complete.
      (upgrade?.socket ?? response).destroy();
    } else {
      const requestId = randomUUID();
      const told = errorResponse(reason, { accept: request.headers.accept ?? '', requestId });
      this.#deps.metrics.errorTold(told.code);
      this.#deps.log.debug('request failed', { requestId, code: told.code, reason: reason.message });
      this.#respond(told.head);
      this.data(told.body);
      this.ended([]);
    }
    this.#finish();
  }

  #forwardBody(stream: Stream): void {
    const { request, response } = this.#visitor;
    const { clock, gate } = this.#deps;
    if (isContinueExpected(request)) response.writeContinue();
    const watch = new IdleWatch(clock, {
      limitMs: bodyIdleMs,
      isHeldBack: () => request.isPaused(),
      onIdle: () => this.#fail(new AditError('ADIT_REQUEST_TIMEOUT', 'the request body stopped arriving for 30 s')),
    });
    this.#stopTimer = () => watch.stop();
    request.on('data', (chunk: Buffer) => {
      if (this.#isOver) return;
      watch.heard();
      this.#bytesIn += chunk.length;
      try {
        gate.checkRequestBody(this.#bytesIn);
      } catch (error) {
        stream.reset(error as AditError);
        this.reset(error as AditError);
        return;
      }
      if (!stream.write(chunk)) request.pause();
    });
    request.once('end', () => {
      if (this.#isOver) return;
      this.#stopTimer();
      stream.end();
      if (this.#status === 0 && !this.#isOver) this.#awaitHead();
    });
  }

  #awaitHead(): void {
    const { clock, timeoutMs } = this.#deps;
    this.#stopTimer = clock.after(timeoutMs, () => {
      const message = `the service gave no answer within ${timeoutMs / 1_000} s (--timeout)`;
      this.#fail(new AditError('ADIT_RESPONSE_TIMEOUT', message));
    });
  }

  /** Ends both sides. */
  #fail(reason: AditError): void {
    this.#stream?.reset(reason);
    this.reset(reason);
  }

  #respond({ status, reason, fields }: ResponseHead): void {
    this.#stopTimer();
    this.#status = status;
    const { request, response, upgrade } = this.#visitor;
    if (upgrade || this.#deps.underWay.isClosing || !isWhole(request)) response.shouldKeepAlive = false;
    if (reason === '') response.writeHead(status, fields as string[]);
    else response.writeHead(status, reason, fields as string[]);
  }

  #upgrade({ socket, early }: { socket: Duplex; early: Buffer }, head: ResponseHead): void {
    const stream = this.#stream;
    if (!stream) return;
    this.#stopTimer();
    this.#isUpgraded = true;
    this.#status = 101;
    // It has no end to wait for.
    this.#deps.underWay.end();
    this.#visitor.response.detachSocket(socket as never);
    const isUpgradeField = (name: string): boolean => /^(connection|upgrade)$/i.test(name);
    const kept = head.fields.flatMap((name, i) =>
      i % 2 === 0 && isUpgradeField(name) ? [name, head.fields[i + 1] as string] : [],
    );
    const fields = [...kept, ...visibleResponseFields(head.fields, this.#visitor.publicAddress)];
    socket.write(writeResponseHead({ ...head, fields }), 'latin1');
    socket.on('drain', () => this.#drained());
    const forward = (chunk: Buffer): void => {
      this.#bytesIn += chunk.length;
      if (!stream.write(chunk)) socket.pause();
    };
    if (early.length > 0) forward(early);
    socket.on('data', forward);
    socket.once('end', () => stream.end());
  }

  #drained(): void {
    const byteCount = this.#unconsumedBytes;
    this.#unconsumedBytes = 0;
    if (byteCount > 0) this.#stream?.consumed(byteCount);
  }

  #visitorGone(): void {
    if (this.#isOver) return;
    this.#stream?.reset(new AditError('ADIT_VISITOR_GONE', 'the visitor has left'));
    this.#finish();
  }

  #mistake(thrown: unknown): AditError {
    this.#deps.log.error('a request failed by a mistake of the hub', { error: messageOf(thrown) });
    return new AditError('ADIT_INTERNAL', 'the hub could not handle this request', { cause: thrown });
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopTimer();
    if (!this.#isUpgraded) this.#deps.underWay.end();
    const seconds = (this.#deps.clock.now() - this.#startedAt) / 1_000;
    this.#deps.metrics.ended({ status: this.#status, seconds, bytesIn: this.#bytesIn, bytesOut: this.#bytesOut });
  }
}

function offline(): AditError {
  return new AditError(
    'ADIT_TUNNEL_OFFLINE',
    'no agent is connected for this address: try again in a moment, and if the tunnel is yours, start adit',
    { retryAfterSeconds: 5 },
  );
}

/** HTTP/1.0 visitors never get interim responses (RFC 9110 §15.2). */
function isContinueExpected(request: IncomingMessage): boolean {
  return request.httpVersion === '1.1' && fieldValue(request.rawHeaders, 'expect') !== undefined;
}

/** Up to here copying is cheaper than a write of several buffers. */
const joinedBytes = 16_384;

/**
 * Writes a piece of a body. Node joins a head with a text into one write, but not with a buffer; and unless it has left
 * at once, the end of the response makes a second one.
 */
function writeBody(response: ServerResponse, chunk: Buffer): boolean {
  if (chunk.length > joinedBytes) return response.write(chunk);
  const { socket } = response;
  socket?.cork();
  const isTaken = response.write(chunk.toString('latin1'), 'latin1');
  socket?.uncork();
  return isTaken;
}
