import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { AditError } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import { endToEndFields, fieldValue } from '#internal/http1/fields';
import { type ResponseHead, readOwnHead, writeResponseHead } from '#internal/http1/head';
import type { AcceptedStream, AcceptStream, StreamHandler } from '#internal/link/stream';
import type { WSMessage, WSRequest } from '#messages/v1';
import type { DocumentLink } from './document-link.ts';
import { ExchangeSocket } from './exchange-socket.ts';
import { fromV1Headers, joinTarget } from './headers.ts';
import { deliverMessage, forwardMessages, messageOptions } from './websocket-messages.ts';

/** What the exchange needs of the session that it belongs to. */
export interface AgentWebSockets {
  readonly link: DocumentLink;
  readonly log: Log;
  finish(exchange: AgentWebSocketExchange): void;
}

/** One `ws-request` at the agent: a websocket to the origin, opened as a stream, its messages carried as documents. */
export class AgentWebSocketExchange implements AcceptedStream {
  readonly id: string;
  readonly #session: AgentWebSockets;
  readonly #socket: ExchangeSocket;
  readonly #websocket: WebSocket;
  #handler: StreamHandler | undefined;
  #isAnswered = false;
  #isOver = false;

  /** Dials the origin. Throws an Error when the headers can't be fields. */
  constructor(request: WSRequest, accept: AcceptStream, session: AgentWebSockets) {
    this.id = request.id;
    this.#session = session;
    const target = joinTarget(request.url, request.query);
    const given = endToEndFields(fromV1Headers(request.headers), (name) => name === 'host');
    this.#socket = new ExchangeSocket({
      onHead: (text) => this.#dial(target, [...given, ...handshakeFields(text)], accept),
      onWanted: () => this.#handler?.drained(),
    });
    // The library makes and checks the handshake. The host is a placeholder: its bytes go to the exchange.
    this.#websocket = new WebSocket('ws://origin.invalid/', {
      ...messageOptions,
      createConnection: () => this.#socket as unknown as Socket,
    });
    this.#listen(this.#websocket);
  }

  deliver(message: WSMessage): void {
    deliverMessage(this.#websocket, message);
  }

  /** The visitor has closed its end. */
  teardown(): void {
    this.#finish(true);
    this.#websocket.close(1000);
  }

  /** Ends the websocket because the link is gone. */
  abort(): void {
    this.#finish(false);
    this.#websocket.close(1001);
  }

  head({ status, reason, fields }: ResponseHead): void {
    if (status < 200 && status !== 101) return;
    // The choice of a subprotocol cannot pass wire v1, and the library was told of none.
    const kept = status === 101 ? dropField(fields, 'sec-websocket-protocol') : fields;
    this.#socket.receive(Buffer.from(writeResponseHead({ status, reason, fields: kept }), 'latin1'));
  }

  write(chunk: Buffer): boolean {
    return this.#socket.receive(Buffer.from(chunk));
  }

  end(): void {
    this.#socket.receiveEnd();
  }

  reset(reason: AditError): void {
    this.#answer(false, reason.message);
    this.#socket.destroy();
  }

  stop(): void {
    this.#socket.destroy();
  }

  consumed(byteCount: number): void {
    this.#socket.consumed(byteCount);
  }

  #dial(target: string, fields: string[], accept: AcceptStream): void {
    const handler = accept({ method: 'GET', target, fields }, this);
    this.#handler = handler;
    this.#socket.connect({ data: (chunk) => handler.data(chunk), ended: () => handler.ended([]) });
    this.#socket.once('close', () => handler.reset(new AditError('ADIT_VISITOR_GONE', 'the websocket has ended')));
  }

  #listen(websocket: WebSocket): void {
    websocket.once('open', () => {
      this.#answer(true, '');
      forwardMessages(websocket, this.id, this.#session);
    });
    websocket.once('unexpected-response', (_request, response) => {
      this.#answer(false, `the origin answered ${response.statusCode} to the websocket handshake`);
      this.#socket.destroy();
    });
    websocket.on('error', (error) => this.#answer(false, `websocket handshake failed: ${error.message}`));
    websocket.once('close', () => this.#finish(true));
  }

  #answer(ok: boolean, error: string): void {
    if (this.#isAnswered || this.#isOver) return;
    this.#isAnswered = true;
    this.#session.link.send({ type: 'ws-response', id: this.id, ok, error });
    if (!ok) this.#finish(false);
  }

  #finish(tellHub: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#session.finish(this);
    if (tellHub) this.#session.link.send({ type: 'ws-teardown', id: this.id });
  }
}

/** The fields of the library's request that make the handshake. */
function handshakeFields(requestHead: string): string[] {
  const { fields } = readOwnHead(requestHead);
  const key = fieldValue(fields, 'sec-websocket-key') ?? '';
  return ['Connection', 'Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Version', '13', 'Sec-WebSocket-Key', key];
}

function dropField(fields: ResponseHead['fields'], lowerName: string): string[] {
  return fields.filter((_, i) => fields[i - (i % 2)]?.toLowerCase() !== lowerName);
}
