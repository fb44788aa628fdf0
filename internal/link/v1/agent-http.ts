import type { Clock, Stop } from '#internal/core/clock';
import { AditError, isVisitorErrorCode, visitorErrors } from '#internal/core/errors';
import { endToEndFields, isFieldName } from '#internal/http1/fields';
import type { RequestHead, ResponseHead } from '#internal/http1/head';
import type { AcceptedStream, AcceptStream, StreamHandler } from '#internal/link/stream';
import type { HTTPRequest, V1Headers } from '#messages/v1';
import type { DocumentLink } from './document-link.ts';
import { fromV1Headers, joinTarget, toV1Headers } from './headers.ts';

/** What the exchanges of an agent need of their session. */
export interface AgentExchanges {
  readonly link: DocumentLink;
  readonly clock: Clock;
  /** A second Set-Cookie of an answer stayed behind. */
  lostCookie(): void;
  /** The most body bytes that the hub takes in one answer. */
  readonly maxBodyBytes: number;
  /** Wire v1 has no word for a visitor that left, so an answer that takes this long is given up. */
  readonly abandonMs: number;
  finish(exchange: { readonly id: string }): void;
}

/** One `http-request` at the agent: handed on as a stream, its answer collected into one document. */
export class AgentHttpExchange implements AcceptedStream {
  readonly id: string;
  readonly #request: RequestHead;
  readonly #body: Buffer;
  readonly #session: AgentExchanges;
  readonly #stopTimer: Stop;
  readonly #chunks: Buffer[] = [];
  #byteCount = 0;
  #head: ResponseHead | undefined;
  #handler: StreamHandler | undefined;
  #isOver = false;

  /** Throws an Error when the headers of the request can't be fields. */
  constructor(request: HTTPRequest, session: AgentExchanges) {
    this.id = request.id;
    this.#request = requestHead(request);
    this.#body = request.body;
    this.#session = session;
    this.#stopTimer = session.clock.after(session.abandonMs, () => this.abort('nobody waits for this answer any more'));
  }

  /** Hands the request on. */
  start(accept: AcceptStream): void {
    this.#handler = accept(this.#request, this);
    if (this.#body.length > 0 && !this.#isOver) this.#handler.data(this.#body);
    if (!this.#isOver) this.#handler.ended([]);
  }

  head(head: ResponseHead): void {
    // An interim response has no place in a single document.
    if (head.status >= 200) this.#head = head;
  }

  write(chunk: Buffer): boolean {
    if (this.#isOver) return true;
    this.#byteCount += chunk.length;
    const { maxBodyBytes } = this.#session;
    if (this.#byteCount > maxBodyBytes) {
      const message = `response body exceeds the ${maxBodyBytes} bytes that this connection can carry`;
      const tooLarge = new AditError('ADIT_RESPONSE_TOO_LARGE', message);
      this.reset(tooLarge);
      this.#handler?.reset(tooLarge);
    } else {
      this.#chunks.push(Buffer.from(chunk));
    }
    return true;
  }

  end(): void {
    const head = this.#head;
    if (this.#isOver || !head) return;
    this.#finish();
    // `Adit-*` is how an agent speaks for itself, and here the origin speaks.
    const fields = endToEndFields(head.fields, (name) => name.startsWith('adit-'));
    const headers = toV1Headers(fields, () => this.#session.lostCookie());
    this.#answer(head.status, headers, Buffer.concat(this.#chunks));
  }

  reset(reason: AditError): void {
    if (this.#isOver) return;
    this.#finish();
    const status = isVisitorErrorCode(reason.code) ? visitorErrors[reason.code].status : 502;
    this.#answer(
      status,
      { 'Adit-Error': reason.code, 'Content-Type': 'text/plain; charset=utf-8' },
      Buffer.from(reason.message),
    );
  }

  /** Ends the exchange without an answer. */
  abort(why: string): void {
    if (this.#isOver) return;
    this.#finish();
    this.#handler?.reset(new AditError('ADIT_VISITOR_GONE', why));
  }

  stop(): void {
    // The request came whole: there is nothing left to stop.
  }

  consumed(): void {
    // The request came whole: there is nothing to ask for.
  }

  #finish(): void {
    this.#isOver = true;
    this.#stopTimer();
    this.#session.finish(this);
  }

  #answer(status: number, headers: V1Headers, body: Buffer): void {
    const { link } = this.#session;
    const contentType = headers['Content-Type'] ?? '';
    if (link.send({ type: 'http-response', id: this.id, headers, contentType, status, body })) return;
    const tooLarge = Buffer.from('the head of the response does not fit into a document of wire v1');
    this.#answer(502, { 'Adit-Error': 'ADIT_RESPONSE_TOO_LARGE' }, tooLarge);
  }
}

function requestHead({ url, query, headers, method, body }: HTTPRequest): RequestHead {
  // A method has the form of a field name: both are tokens.
  if (!isFieldName(method)) throw new Error('the method is not a token');
  const fields = endToEndFields(fromV1Headers(headers), (name) => name === 'content-length' || name === 'expect');
  const expectsBody = method === 'POST' || method === 'PUT' || method === 'PATCH';
  if (body.length > 0 || expectsBody) fields.push('Content-Length', String(body.length));
  return { method, target: joinTarget(url, query), fields };
}
