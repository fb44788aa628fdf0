import type { IncomingMessage } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { AditError } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import { eachField } from '#internal/http1/fields';
import { type RequestHead, readOwnHead } from '#internal/http1/head';
import { closeReason } from '#internal/link/close-reason';
import type { ResponseHandler, Stream } from '#internal/link/stream';
import type { WSMessage, WSResponse } from '#messages/v1';
import type { DocumentLink } from './document-link.ts';
import { ExchangeSocket } from './exchange-socket.ts';
import { splitTarget, toV1Headers } from './headers.ts';
import { deliverMessage, forwardMessages, messageOptions } from './websocket-messages.ts';

/** What the exchange needs of the session that it belongs to. */
export interface HubWebSockets {
  readonly link: DocumentLink;
  readonly log: Log;
  finish(exchange: HubWebSocketExchange): void;
}

/** Fields of the handshake that is made anew on the other side. */
const handshakeFields = [
  'Host',
  'Connection',
  'Upgrade',
  'Sec-Websocket-Key',
  'Sec-Websocket-Version',
  'Sec-Websocket-Extensions',
];

/** A visitor's websocket to a v1 agent. The hub ends it: bytes on the visitor's side, whole messages on the agent's. */
export class HubWebSocketExchange implements Stream {
  readonly id: string;
  readonly #head: RequestHead;
  readonly #handler: ResponseHandler;
  readonly #session: HubWebSockets;
  readonly #socket: ExchangeSocket;
  #websocket: WebSocket | undefined;
  #isFinished = false;

  constructor(id: string, head: RequestHead, handler: ResponseHandler, session: HubWebSockets) {
    this.id = id;
    this.#head = head;
    this.#handler = handler;
    this.#session = session;
    this.#socket = new ExchangeSocket({
      onHead: (text) => this.#onHandshake(text),
      onWanted: () => handler.drained(),
    });
    const headers = toV1Headers(head.fields);
    for (const name of handshakeFields) delete headers[name];
    session.link.send({ type: 'ws-request', id, ...splitTarget(head.target), headers });
  }

  /** The agent accepts or refuses. Only now the visitor's own handshake is completed. */
  answer({ ok, error }: WSResponse): void {
    if (this.#websocket) return;
    if (!ok) {
      this.fail(new AditError('ADIT_UPGRADE_REFUSED', error || 'the agent gave no reason'));
      return;
    }
    const acceptor = new WebSocketServer({ noServer: true, clientTracking: false, ...messageOptions });
    acceptor.handleUpgrade(this.#handshakeRequest(), this.#socket, Buffer.alloc(0), (websocket) => {
      this.#websocket = websocket;
      websocket.on('error', (error) =>
        this.#session.log.debug('websocket failed', { id: this.id, error: error.message }),
      );
      websocket.once('close', () => this.#finish(true));
      forwardMessages(websocket, this.id, this.#session);
    });
  }

  deliver(message: WSMessage): void {
    if (this.#websocket) deliverMessage(this.#websocket, message);
  }

  /** The agent closed its end. */
  teardown(): void {
    this.#finish(false);
    if (this.#websocket) this.#websocket.close(1000);
    else this.#handler.reset(new AditError('ADIT_UPGRADE_REFUSED', 'the service closed the websocket at once'));
  }

  /** Ends the exchange from the hub's side: by an error before the handshake, by a close frame after it. */
  fail(reason: AditError): void {
    this.#finish(reason.code !== 'ADIT_LINK_LOST');
    // Service restart (1012): whoever knows the code tries again.
    if (this.#websocket) this.#websocket.close(1012, closeReason(reason.message));
    else this.#handler.reset(reason);
  }

  write(chunk: Buffer): boolean {
    // The library keeps what it can't use yet.
    return this.#socket.receive(Buffer.from(chunk));
  }

  end(): void {
    this.#socket.receiveEnd();
  }

  reset(): void {
    this.#finish(true);
    this.#socket.destroy();
  }

  consumed(byteCount: number): void {
    this.#socket.consumed(byteCount);
  }

  stop(): void {
    this.#socket.destroy();
  }

  #finish(tellAgent: boolean): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#session.finish(this);
    if (tellAgent) this.#session.link.send({ type: 'ws-teardown', id: this.id });
  }

  #onHandshake(text: string): void {
    const { start, fields } = readOwnHead(text);
    const status = Number(start.split(' ')[1]);
    if (status !== 101) {
      this.#finish(true);
      this.#handler.reset(new AditError('ADIT_BAD_REQUEST', 'websocket handshake is not valid (RFC 6455 §4.2.1)'));
      return;
    }
    this.#handler.head({ status, reason: 'Switching Protocols', fields });
    let hasEnded = false;
    const ended = (): void => {
      hasEnded = true;
      this.#handler.ended([]);
    };
    this.#socket.connect({ data: (chunk) => this.#handler.data(chunk), ended });
    // A visitor that does not answer the close frame is left by the library without an end.
    this.#socket.once('close', () => {
      if (!hasEnded) this.#handler.reset(new AditError('ADIT_LINK_LOST', 'the websocket has ended'));
    });
  }

  /** As much of a request as the handshake reads. Without a way to name another, the first subprotocol offered is chosen. */
  #handshakeRequest(): IncomingMessage {
    const headers: Record<string, string> = {};
    for (const [name, value] of eachField(this.#head.fields)) headers[name.toLowerCase()] ??= value;
    delete headers['sec-websocket-extensions'];
    return { method: 'GET', url: this.#head.target, headers, socket: this.#socket } as unknown as IncomingMessage;
  }
}
