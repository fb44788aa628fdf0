import { AditError, isVisitorErrorCode, messageOf } from '#internal/core/errors';
import { endToEndFields, fieldValue } from '#internal/http1/fields';
import type { RequestHead, ResponseHead } from '#internal/http1/head';
import type { ResponseHandler, Stream } from '#internal/link/stream';
import { limits } from '#messages/limits';
import type { HTTPResponse } from '#messages/v1';
import type { DocumentLink } from './document-link.ts';
import { fromV1Headers, splitTarget, toV1Headers } from './headers.ts';

const wireLimit = `the ${limits.v1Body} bytes of wire v1: an agent that speaks wire v2 has no such limit`;

/** What an exchange needs of the session that it belongs to. */
export interface HubExchanges {
  /** Whether the agent is one of Adit's, whose own errors can be told from its origin's. */
  readonly isAditAgent: boolean;
  readonly link: DocumentLink;
  /** Asks to hold `byteCount` more bytes of request bodies. */
  reserve(byteCount: number): boolean;
  /** Ends the exchange and gives back what it holds. */
  finish(exchange: HubHttpExchange): void;
}

/** A visitor's HTTP request to a v1 agent: collected into one document and answered by one. */
export class HubHttpExchange implements Stream {
  readonly id: string;
  readonly #head: RequestHead;
  readonly #handler: ResponseHandler;
  readonly #session: HubExchanges;
  readonly #chunks: Buffer[] = [];
  heldBytes = 0;

  constructor(id: string, head: RequestHead, handler: ResponseHandler, session: HubExchanges) {
    this.id = id;
    this.#head = head;
    this.#handler = handler;
    this.#session = session;
  }

  write(chunk: Buffer): boolean {
    if (this.heldBytes + chunk.length > limits.v1Body) {
      this.fail(new AditError('ADIT_REQUEST_TOO_LARGE', `request body exceeds ${wireLimit}`));
    } else if (!this.#session.reserve(chunk.length)) {
      this.fail(new AditError('ADIT_TUNNEL_BUSY', 'too many request bodies are under way', { retryAfterSeconds: 1 }));
    } else {
      this.heldBytes += chunk.length;
      this.#chunks.push(Buffer.from(chunk));
    }
    return true;
  }

  end(): void {
    const { method, target, fields } = this.#head;
    const body = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    const headers = toV1Headers(fields);
    delete headers['Host'];
    delete headers['Transfer-Encoding'];
    // The document holds the whole body, so its length is known even where the visitor sent chunks.
    if (body.length > 0 || 'Content-Length' in headers) headers['Content-Length'] = String(body.length);
    const isSent = this.#session.link.send({
      type: 'http-request',
      id: this.id,
      ...splitTarget(target),
      headers,
      method,
      body,
    });
    if (!isSent) this.fail(new AditError('ADIT_REQUEST_TOO_LARGE', 'request does not fit into a document of wire v1'));
  }

  /** The agent's answer. */
  answer(document: HTTPResponse): void {
    this.#session.finish(this);
    const told = document.headers['Adit-Error'];
    if (told !== undefined && this.#session.isAditAgent && isVisitorErrorCode(told)) {
      this.#handler.reset(new AditError(told, document.body.toString('utf8')));
      return;
    }
    if (document.body.length > limits.v1Body) {
      const message = `response body of ${document.body.length} bytes exceeds ${wireLimit}`;
      this.#handler.reset(new AditError('ADIT_RESPONSE_TOO_LARGE', message));
      return;
    }
    let head: ResponseHead;
    try {
      head = responseHead(document, this.#head.method);
    } catch (error) {
      this.#handler.reset(new AditError('ADIT_AGENT_BAD_ANSWER', messageOf(error)));
      return;
    }
    this.#handler.head(head);
    if (document.body.length > 0) this.#handler.data(document.body);
    this.#handler.ended([]);
  }

  /** Ends the exchange with an error that the visitor is told. */
  fail(reason: AditError): void {
    this.#session.finish(this);
    this.#handler.reset(reason);
  }

  reset(): void {
    this.#session.finish(this);
  }

  stop(): void {
    this.#session.finish(this);
  }

  consumed(): void {
    // The answer came whole: there is nothing to ask for.
  }
}

function responseHead(document: HTTPResponse, method: string): ResponseHead {
  const { status, contentType, body } = document;
  const hasBody = method !== 'HEAD' && status !== 204 && status !== 304;
  const fields = endToEndFields(fromV1Headers(document.headers), (name) => hasBody && name === 'content-length');
  if (hasBody) fields.push('Content-Length', String(body.length));
  if (contentType !== '' && fieldValue(fields, 'content-type') === undefined) {
    fields.push(...fromV1Headers({ 'Content-Type': contentType }));
  }
  return { status, reason: '', fields };
}
