import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { AditError, messageOf } from '#internal/core/errors';
import { fieldValue } from '#internal/http1/fields';
import type { RequestHead } from '#internal/http1/head';
import type { AcceptedStream, AcceptStream, StreamHandler } from '#internal/link/stream';
import { isRepeatable, type Origin, originError } from './origin.ts';

/** What the origin is told as Host: its own name, the public one, or a given one. */
export type HostHeader = { kind: 'rewrite' } | { kind: 'preserve' } | { kind: 'value'; value: string };

export interface DispatchOptions {
  origin: Origin;
  hostHeader: HostHeader;
  /** The hostname under which visitors ask, for hubs that do not tell it with each request. */
  publicHost: () => string | undefined;
}

/** Forwards every stream that the hub opens to the origin. */
export function dispatch(options: DispatchOptions): AcceptStream {
  return (head, stream) => new Forwarding(withHost(head, options), stream, options.origin);
}

function withHost(head: RequestHead, { origin, hostHeader, publicHost }: DispatchOptions): RequestHead {
  const told = fieldValue(head.fields, 'x-forwarded-host');
  const visited = told ?? publicHost();
  const fields = head.fields.filter((_, i) => head.fields[i - (i % 2)]?.toLowerCase() !== 'host');
  if (told === undefined && visited !== undefined) fields.push('X-Forwarded-Host', visited);
  return { ...head, fields: ['Host', hostFor(hostHeader, origin, visited), ...fields] };
}

function hostFor(hostHeader: HostHeader, origin: Origin, visited: string | undefined): string {
  switch (hostHeader.kind) {
    case 'rewrite':
      return origin.name;
    case 'preserve':
      return visited ?? origin.name;
    case 'value':
      return hostHeader.value;
  }
}

/** One stream and its request to the origin. */
class Forwarding implements StreamHandler {
  readonly #head: RequestHead;
  readonly #stream: AcceptedStream;
  readonly #origin: Origin;
  #outgoing: ClientRequest | undefined;
  /** Where the origin's bytes come from, once it has answered. */
  #incoming: IncomingMessage | Duplex | undefined;
  /** The upgraded connection, which then takes the visitor's bytes. */
  #upgraded: Duplex | undefined;
  #unconsumedBytes = 0;
  #isRequestEnded = false;
  #hasRetried = false;
  #isOver = false;

  constructor(head: RequestHead, stream: AcceptedStream, origin: Origin) {
    this.#head = head;
    this.#stream = stream;
    this.#origin = origin;
    this.#send();
  }

  data(chunk: Buffer): void {
    const out = this.#upgraded ?? this.#outgoing;
    if (this.#isOver || !out) return;
    if (out.write(chunk)) this.#stream.consumed(chunk.length);
    else this.#unconsumedBytes += chunk.length;
  }

  ended(): void {
    this.#isRequestEnded = true;
    if (!this.#isOver) (this.#upgraded ?? this.#outgoing)?.end();
  }

  drained(): void {
    this.#incoming?.resume();
  }

  stopped(): void {
    this.#close();
  }

  reset(): void {
    this.#close();
  }

  #send(): void {
    let outgoing: ClientRequest;
    try {
      outgoing = this.#origin.request(this.#head);
    } catch (error) {
      this.#fail(
        new AditError('ADIT_BAD_REQUEST', `this request cannot be forwarded: ${messageOf(error)}`, { cause: error }),
      );
      return;
    }
    this.#outgoing = outgoing;
    outgoing.on('drain', () => this.#consumedAll());
    outgoing.once('response', (response) => this.#respond(response));
    outgoing.once('upgrade', (response, socket, early) => this.#upgrade(response, socket, early));
    outgoing.on('error', (error: NodeJS.ErrnoException) => this.#requestFailed(outgoing, error));
  }

  #requestFailed(outgoing: ClientRequest, error: NodeJS.ErrnoException): void {
    if (this.#isOver || this.#incoming) return;
    const wasConnected =
      outgoing.socket?.remotePort !== undefined || outgoing.reusedSocket || error.code === 'ECONNRESET';
    // The origin may have closed an idle connection at the moment that we took it. Once is no accident twice.
    if (outgoing.reusedSocket && !this.#hasRetried && isRepeatable(this.#head)) {
      this.#hasRetried = true;
      this.#send();
      if (this.#isRequestEnded) this.#outgoing?.end();
      return;
    }
    this.#fail(originError(this.#origin.name, error, wasConnected));
  }

  #respond(response: IncomingMessage): void {
    this.#incoming = response;
    const { statusCode: status = 0, statusMessage: reason = '', rawHeaders: fields } = response;
    this.#stream.head({ status, reason, fields });
    this.#forward(response);
    response.once('end', () => {
      if (this.#isOver) return;
      this.#isOver = true;
      this.#stream.end(response.rawTrailers);
    });
    response.once('error', (error) => this.#fail(originError(this.#origin.name, error, true)));
  }

  #upgrade(response: IncomingMessage, socket: Duplex, early: Buffer): void {
    this.#incoming = this.#upgraded = socket;
    const { statusCode: status = 101, statusMessage: reason = '', rawHeaders: fields } = response;
    this.#stream.head({ status, reason, fields });
    socket.on('drain', () => this.#consumedAll());
    if (early.length > 0) this.#stream.write(early);
    this.#forward(socket);
    socket.once('end', () => this.#stream.end());
    socket.on('error', (error) => this.#fail(originError(this.#origin.name, error, true)));
  }

  #forward(incoming: IncomingMessage | Duplex): void {
    incoming.on('data', (chunk: Buffer) => {
      if (!this.#isOver && !this.#stream.write(chunk)) incoming.pause();
    });
  }

  #consumedAll(): void {
    const byteCount = this.#unconsumedBytes;
    this.#unconsumedBytes = 0;
    if (byteCount > 0) this.#stream.consumed(byteCount);
  }

  #fail(reason: AditError): void {
    if (this.#isOver) return;
    this.#close();
    this.#stream.reset(reason);
  }

  #close(): void {
    this.#isOver = true;
    this.#upgraded?.destroy();
    this.#outgoing?.destroy();
  }
}
