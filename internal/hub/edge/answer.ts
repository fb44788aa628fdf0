import type { Clock } from '#internal/core/clock';
import { AditError } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import { type Fields, fieldValue } from '#internal/http1/fields';
import type { ResponseHead } from '#internal/http1/head';
import { keptLength } from '#internal/http1/recent';
import { passableTrailers } from '#internal/http1/trailers';
import type { Gate } from '../gate.ts';
import type { ExchangeMetrics } from '../metrics.ts';
import { Continue } from './continue.ts';
import { errorAnswer } from './error-answer.ts';
import { type FramedResponse, frameBodiless, frameResponse } from './frame-response.ts';
import { RepeatedAnswer } from './repeated-answer.ts';
import { visibleResponseFields } from './response-fields.ts';
import type { TunnelRequest } from './tunnel-request.ts';
import type { UnderWay } from './under-way.ts';
import type { VisitorConnection } from './visitor-connection.ts';

export interface AnswerDeps {
  clock: Clock;
  log: Log;
  gate: Gate;
  metrics: ExchangeMetrics;
  underWay: UnderWay;
}

/** The answer to one request, as its visitor gets it: interim heads, then one final answer or a change of protocol. */
export class Answer {
  readonly #connection: VisitorConnection;
  readonly #asked: TunnelRequest;
  readonly #deps: AnswerDeps;
  /** Undefined when the visitor sends its body unasked. */
  readonly #continue: Continue | undefined;
  /** Of the final head; 0 before it. */
  status = 0;
  byteCount = 0;
  /** Whether the visitor was sent any head, be it an interim one. */
  hasBegun = false;
  /** Whether `--max-body` applies to it. */
  #isBounded = true;

  constructor(connection: VisitorConnection, asked: TunnelRequest, deps: AnswerDeps) {
    this.#connection = connection;
    this.#asked = asked;
    this.#deps = deps;
    if (!asked.isContinueExpected) return;
    this.#continue = new Continue(() => {
      connection.writer.begin('HTTP/1.1 100 Continue\r\n\r\n', { kind: 'none' });
    });
  }

  /** Whether the visitor waits to be asked for its body. */
  get isContinueDue(): boolean {
    return this.#continue?.isDue ?? false;
  }

  /** Asks for the body if that is awaited. An origin that can ask itself gets a moment to do so. */
  askForBody({ canOriginAsk }: { canOriginAsk: boolean }): void {
    if (canOriginAsk) this.#continue?.sendLater(this.#deps.clock);
    else this.#continue?.sendNow();
  }

  /** Passes an interim head on, unless the visitor is behind: nothing else bounds how many of them agents send. */
  interim(head: ResponseHead): void {
    if (this.#asked.request.version === '1.0') return;
    if (head.status === 100) {
      this.#continue?.sendNow();
      return;
    }
    if (!this.#connection.writer.isClear) return;
    const fields = visibleResponseFields(head.fields, this.#asked.publicAddress);
    this.hasBegun = true;
    this.#connection.writer.begin(frameBodiless({ ...head, fields }), { kind: 'none' });
  }

  /** Passes the final head on. Throws {@link Http1Error} when it is not one that can be sent, and ADIT_RESPONSE_TOO_LARGE. */
  begin(head: ResponseHead): void {
    const { framed, isBounded } = this.#frame(head);
    if (framed.form.kind === 'length') this.#deps.gate.checkResponseBody(framed.form.byteCount);
    this.#isBounded = isBounded;
    this.#write(head.status, framed);
  }

  #frame(head: ResponseHead): RepeatedAnswer {
    const isLast = this.#isLast();
    const { request, publicAddress } = this.#asked;
    const isPlain = RepeatedAnswer.isPlain(this.#asked, isLast);
    const last = this.#connection.repeatedAnswer;
    if (isPlain && last?.isOf(head)) return last;
    const fields = visibleResponseFields(head.fields, publicAddress);
    const framed = frameResponse(request, { status: head.status, reason: head.reason, fields }, isLast);
    const isBounded = !/^text\/event-stream\b/i.test(fieldValue(fields, 'content-type') ?? '');
    const made = new RepeatedAnswer(head, framed, isBounded);
    if (isPlain && !framed.isDatedHere && framed.text.length <= keptLength) this.#connection.repeatedAnswer = made;
    return made;
  }

  /** The head that changes the protocol, as it goes out. */
  frameUpgrade(head: ResponseHead): string {
    const kept = head.fields.flatMap((name, i) =>
      i % 2 === 0 && /^(connection|upgrade)$/i.test(name) ? [name, head.fields[i + 1] as string] : [],
    );
    const fields = [...kept, ...visibleResponseFields(head.fields, this.#asked.publicAddress)];
    return frameBodiless({ ...head, fields });
  }

  /** Changes the protocol, by the head that was framed for it. */
  upgrade(text: string): void {
    this.status = 101;
    this.#isBounded = false;
    this.#connection.upgrade(text);
  }

  /** Passes on a piece of the body, or of the new protocol. Gives the error if it may not pass. */
  data(chunk: Buffer): AditError | undefined {
    this.byteCount += chunk.length;
    const { gate } = this.#deps;
    if (this.#isBounded && this.byteCount > gate.maxBodyBytes) return gate.responseTooLarge();
    if (this.#connection.writer.data(chunk)) return undefined;
    return new AditError('ADIT_AGENT_BAD_ANSWER', 'the response body is longer than its head says');
  }

  /** Ends it. False when it is shorter than its head says. */
  end(trailers: Fields): boolean {
    return this.#connection.end(passableTrailers(trailers));
  }

  /** Makes an error the whole of it. */
  fail(reason: AditError): void {
    const { request } = this.#asked;
    const { requestId, code, head, body } = errorAnswer(request, reason);
    this.#deps.metrics.errorTold(code);
    this.#deps.log.debug('request failed', { requestId, code, reason: reason.message });
    this.#write(head.status, frameResponse(request, head, this.#isLast()));
    this.byteCount += body.length;
    this.#connection.writer.data(body);
    this.#connection.end([]);
  }

  /** Nothing more of it comes. */
  over(): void {
    this.#continue?.drop();
  }

  #isLast(): boolean {
    const { isLast, hasMore } = this.#connection;
    return isLast || hasMore || this.#asked.upgrade !== undefined || this.#deps.underWay.isClosing;
  }

  #write(status: number, framed: FramedResponse): void {
    this.#continue?.drop();
    this.hasBegun = true;
    this.status = status;
    this.#connection.begin(framed);
  }
}
