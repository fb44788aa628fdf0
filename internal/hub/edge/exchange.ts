import { AditError } from '#internal/core/errors';
import { Http1Error } from '#internal/http1/error';
import { type Fields, fieldValue } from '#internal/http1/fields';
import type { ResponseHead } from '#internal/http1/head';
import { passableTrailers } from '#internal/http1/trailers';
import type { ResponseHandler, Stream, StreamOpener } from '#internal/link/stream';
import { Answer, type AnswerDeps } from './answer.ts';
import { Awaited } from './awaited.ts';
import { asAditError } from './error-answer.ts';
import { type FindDeps, findAdmitted, findOther } from './find-opener.ts';
import type { LiveWebsockets } from './live-websockets.ts';
import type { RequestReceiver } from './request-receiver.ts';
import { headForAgent, isRepeatable, type TunnelRequest } from './tunnel-request.ts';
import { Upgraded } from './upgraded.ts';
import type { VisitorConnection } from './visitor-connection.ts';

export interface ExchangeDeps extends AnswerDeps, FindDeps {
  /** How long the response head may take once the request has been forwarded. */
  timeoutMs: number;
  websockets: LiveWebsockets;
}

/** One visitor's request on its way to an agent and back. */
export class Exchange implements ResponseHandler, RequestReceiver {
  readonly #connection: VisitorConnection;
  readonly #asked: TunnelRequest;
  readonly #deps: ExchangeDeps;
  readonly #startedAt: number;
  readonly #answer: Answer;
  readonly #awaited: Awaited;
  /** Where the stream was opened. */
  #opener: StreamOpener | undefined;
  #stream: Stream | undefined;
  /** Whether the stream was opened a second time, or that was tried. */
  #hasMoved = false;
  #bytesIn = 0;
  #unconsumedBytes = 0;
  /** Whether the agent was asked to change the protocol. */
  #isUpgrade = false;
  #upgraded: Upgraded | undefined;
  /** Whether the agent wants no more of the request. */
  #isStopped = false;
  #isOver = false;

  constructor(connection: VisitorConnection, asked: TunnelRequest, deps: ExchangeDeps) {
    this.#connection = connection;
    this.#asked = asked;
    this.#deps = deps;
    this.#answer = new Answer(connection, asked, deps);
    this.#awaited = new Awaited(deps.timeoutMs);
    this.#startedAt = deps.clock.now();
    deps.metrics.begun();
    deps.underWay.begin(this.#startedAt);
    connection.accept(this);
  }

  /** Opens the stream, once there is who serves it and the gate lets it pass, and begins to forward the body. */
  start(): void {
    try {
      const found = findAdmitted(this.#asked.clientId, this.#deps);
      if (!(found instanceof Promise)) {
        this.#open(found);
        return;
      }
      this.#awaitHead(this.#startedAt);
      if (this.#asked.hasBody) this.#connection.hold();
      found.then(
        (opener) => this.#open(opener),
        (thrown: unknown) => this.reset(this.#asError(thrown)),
      );
    } catch (thrown) {
      this.reset(this.#asError(thrown));
    }
  }

  #open(opener: StreamOpener): void {
    if (this.#isOver) return;
    this.#opener = opener;
    try {
      const { head, upgrade, hasBody } = this.#asked;
      if (hasBody) this.#deps.gate.checkRequestBody(Number(fieldValue(head.fields, 'content-length') ?? 0));
      const { isTransparent } = opener;
      this.#isUpgrade = upgrade !== undefined && (isTransparent || upgrade.isWebsocket);
      const isExpect = this.#answer.isContinueDue && isTransparent;
      const passes = { isUpgrade: this.#isUpgrade, isExpect, areTrailers: isTransparent };
      const stream = opener.open(headForAgent(this.#asked, passes), this);
      // It may have been refused at once, and then even opened elsewhere.
      if (this.#isOver || this.#opener !== opener) return;
      this.#stream = stream;
      if (hasBody) this.#forwardBody(opener);
      else this.#awaitHead(this.#startedAt);
      // An upgrade's direction stays open: its bytes follow the answer.
      if (this.#isUpgrade) this.#connection.awaitUpgrade();
      else if (!hasBody) stream.end();
    } catch (thrown) {
      this.reset(this.#asError(thrown));
    }
  }

  #forwardBody({ isTransparent }: StreamOpener): void {
    this.#answer.askForBody({ canOriginAsk: isTransparent });
    this.#awaited.begin('body', this.#deps.clock.now());
    this.#connection.release();
  }

  #awaitHead(since: number): void {
    if (this.#answer.status === 0) this.#awaited.begin('head', since);
    else this.#awaited.what = 'nothing';
  }

  // RequestReceiver: what comes from the visitor.

  requestData(chunk: Buffer): void {
    const stream = this.#stream;
    if (this.#isOver || !stream) return;
    this.#bytesIn += chunk.length;
    // The clock is read once for each piece, and for none of a request without a body.
    this.#awaited.since = this.#deps.clock.now();
    if (this.#bytesIn > this.#deps.gate.maxBodyBytes) {
      try {
        this.#deps.gate.checkRequestBody(this.#bytesIn);
      } catch (thrown) {
        this.#fail(thrown as AditError);
        return;
      }
    }
    if (!stream.write(chunk)) this.#connection.hold();
  }

  requestEnd(trailers: Fields): void {
    if (this.#isOver) return;
    if (this.#awaited.what === 'body') this.#awaitHead(this.#deps.clock.now());
    this.#stream?.end(passableTrailers(trailers));
  }

  requestFailed(error: AditError): void {
    this.#deps.metrics.refused(error.code);
    this.#fail(error);
  }

  responseTaken(): void {
    const byteCount = this.#unconsumedBytes;
    this.#unconsumedBytes = 0;
    if (byteCount > 0) this.#stream?.consumed(byteCount);
  }

  gone(): void {
    if (this.#isOver) return;
    this.#stream?.reset(new AditError('ADIT_VISITOR_GONE', 'the visitor has left'));
    this.#finish();
  }

  check(now: number): void {
    if (this.#isOver) return;
    // A body that we do not read is not late.
    if (this.#awaited.what === 'body' && this.#connection.isHeldBack) this.#awaited.since = now;
    else if (this.#awaited.isLate(now)) this.#fail(this.#awaited.lateError());
  }

  // ResponseHandler: what comes from the agent.

  head(head: ResponseHead): void {
    if (this.#isOver || this.#answer.status !== 0) return;
    try {
      if (head.status === 101) this.#upgrade(head);
      else if (head.status >= 100 && head.status < 200) this.#answer.interim(head);
      else {
        this.#answer.begin(head);
        // Whoever answers before it has the whole request takes the rest at its own pace.
        this.#awaited.what = 'nothing';
      }
    } catch (thrown) {
      this.#fail(this.#asError(thrown));
    }
  }

  data(chunk: Buffer): void {
    if (this.#isOver) return;
    if (this.#upgraded) {
      this.#upgraded.data(chunk);
      return;
    }
    this.#unconsumedBytes += chunk.length;
    const error = this.#answer.data(chunk);
    if (error) this.#fail(error);
  }

  ended(trailers: Fields): void {
    if (this.#isOver) return;
    if (this.#upgraded) this.#upgraded.ended();
    else if (this.#answer.status !== 0) this.#answered(trailers);
    else this.#fail(new AditError('ADIT_AGENT_BAD_ANSWER', 'the answer ended without a head'));
  }

  #answered(trailers: Fields): void {
    // What is still to be sent or read no longer concerns the agent.
    if (this.#isUpgrade) this.#stream?.end();
    else if (this.#connection.hasMore && !this.#isStopped) {
      this.#stream?.reset(new AditError('ADIT_VISITOR_GONE', 'the answer came before the whole request'));
    }
    if (this.#answer.end(trailers)) this.#finish();
    else this.reset(new AditError('ADIT_AGENT_BAD_ANSWER', 'the response body is shorter than its head says'));
  }

  drained(): void {
    if (!this.#isOver) this.#connection.release();
  }

  stopped(): void {
    if (this.#isOver || this.#isUpgrade || this.#isStopped) return;
    this.#isStopped = true;
    this.#stream?.end();
    if (this.#awaited.what === 'body') this.#awaitHead(this.#deps.clock.now());
    this.#connection.discardBody();
  }

  reset(reason: AditError): void {
    if (this.#isOver) return;
    const lost = this.#opener;
    if (lost && this.#isWorthAnother(reason)) {
      this.#openElsewhere(lost, reason);
      return;
    }
    if (this.#upgraded) {
      this.#upgraded.reset(reason);
      return;
    }
    if (this.#answer.status === 0) this.#answer.fail(reason);
    else {
      this.#deps.log.info('response broken off', { reason: reason.message });
      // The end must look cut, not complete.
      this.#connection.cut();
    }
    this.#finish();
  }

  #isWorthAnother({ code }: AditError): boolean {
    return code === 'ADIT_LINK_LOST' && !this.#hasMoved && !this.#answer.hasBegun && isRepeatable(this.#asked);
  }

  /** Opens the stream once more if another session serves the tunnel by now. */
  #openElsewhere(lost: StreamOpener, reason: AditError): void {
    this.#hasMoved = true;
    this.#opener = this.#stream = undefined;
    const open = (other: StreamOpener | undefined): void => {
      if (other) this.#open(other);
      else this.reset(reason);
    };
    const other = findOther(this.#asked.clientId, lost, this.#deps);
    if (other instanceof Promise) void other.then(open);
    else open(other);
  }

  #upgrade(head: ResponseHead): void {
    if (!this.#isUpgrade) throw new Http1Error(502, 'the answer changes a protocol that nobody asked to');
    const text = this.#answer.frameUpgrade(head);
    const isWebsocket = fieldValue(head.fields, 'upgrade')?.toLowerCase() === 'websocket';
    this.#upgraded = new Upgraded(
      { isWebsocket },
      {
        connection: this.#connection,
        stream: this.#stream as Stream,
        clock: this.#deps.clock,
        websockets: this.#deps.websockets,
        write: (chunk) => void this.#answer.data(chunk),
        onOver: () => this.#finish(),
      },
    );
    this.#connection.accept(this.#upgraded);
    this.#answer.upgrade(text);
    // It has no end to wait for.
    this.#deps.underWay.end();
  }

  /** Ends both sides. */
  #fail(reason: AditError): void {
    this.#stream?.reset(reason);
    this.reset(reason);
  }

  #asError(thrown: unknown): AditError {
    if (thrown instanceof Http1Error) return new AditError('ADIT_AGENT_BAD_ANSWER', thrown.message);
    return asAditError(thrown, this.#deps.log);
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#answer.over();
    const { clock, metrics, underWay } = this.#deps;
    if (!this.#upgraded) underWay.end();
    this.#asked.onOver?.();
    const seconds = (clock.now() - this.#startedAt) / 1_000;
    const { status, byteCount: bytesOut } = this.#answer;
    metrics.ended({ status, seconds, bytesIn: this.#upgraded?.bytesIn ?? this.#bytesIn, bytesOut });
  }
}
