import type { Clock, Stop } from '#internal/core/clock';
import { AditError, messageOf } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import { fieldValue } from '#internal/http1/fields';
import type { RequestHead } from '#internal/http1/head';
import { refuseStream } from '#internal/link/refuse-stream';
import type { ResponseHandler, Stream, StreamOpener } from '#internal/link/stream';
import { limits } from '#messages/limits';
import { newDocumentId, type RegistrationRequest, type V1Document, type V1DocumentError } from '#messages/v1';
import { type Connect, type DocumentHandler, DocumentLink } from './document-link.ts';
import { HubHttpExchange } from './hub-http.ts';
import { HubWebSocketExchange } from './hub-websocket.ts';

/** A client that has not registered by then is closed. */
const registrationMs = 10_000;

/** What was registered: the client id, and its hostname when the hub has a domain. */
export interface Registered {
  clientId: string;
  hostname: string | undefined;
}

export interface V1HubSessionOptions {
  /** Whether the agent is one of Adit's, whose own errors can be told from its origin's. */
  isAditAgent: boolean;
  /** How long requests may still be answered after the last name was taken over. */
  timeoutMs: number;
}

export interface V1HubSessionDeps {
  clock: Clock;
  log: Log;
  /** Decides on a registration. Throws ADIT_REFUSED for good, or ADIT_HUB_BUSY for now. */
  register(request: RegistrationRequest, session: V1HubSession): Promise<Registered>;
  /** The websocket is gone; called once. */
  onClosed(session: V1HubSession): void;
  /** Counts an answer that nobody waits for. */
  onStrayAnswer(): void;
}

type Exchange = HubHttpExchange | HubWebSocketExchange;

/** The hub's end of one websocket that speaks wire v1: its registrations and the exchanges of them all. */
export class V1HubSession implements StreamOpener, DocumentHandler {
  /** Names this session among all of all hubs. */
  readonly id = newDocumentId();
  readonly isAditAgent: boolean;
  readonly session = this.id;
  readonly isTransparent = false;
  readonly log: Log;
  readonly link: DocumentLink;
  readonly #timeoutMs: number;
  readonly #deps: V1HubSessionDeps;
  readonly #clientIds = new Set<string>();
  readonly #exchanges = new Map<string, Exchange>();
  #stopTimer: Stop;
  #registering: Promise<void> = Promise.resolve();
  #pendingRegistrations = 0;
  #httpCount = 0;
  #heldBytes = 0;
  #hasRegistered = false;
  #isRetired = false;
  #isClosing = false;
  /** Its hub is about to end: nothing new is opened. */
  isLeaving = false;

  constructor(options: V1HubSessionOptions, deps: V1HubSessionDeps, connect: Connect) {
    this.isAditAgent = options.isAditAgent;
    this.log = deps.log;
    this.#timeoutMs = options.timeoutMs;
    this.#deps = deps;
    this.link = new DocumentLink(deps.clock, this, connect);
    // Whoever has not registered has no reason to send more than a token.
    this.link.maxLength = limits.v1FirstDocument;
    this.#stopTimer = deps.clock.after(registrationMs, () => this.close(1008, 'no registration within 10 seconds'));
  }

  /** The client ids that this websocket serves now. */
  get clientIds(): ReadonlySet<string> {
    return this.#clientIds;
  }

  /** Whether nothing is under way but websockets. */
  get isIdle(): boolean {
    return this.#httpCount === 0;
  }

  get hasWebsockets(): boolean {
    return this.#exchanges.size > this.#httpCount;
  }

  /** Where streams to one of the client ids are opened: all share one websocket, and need not be told apart. */
  opener(clientId: string): StreamOpener | undefined {
    return this.#clientIds.has(clientId) ? this : undefined;
  }

  open(head: RequestHead, handler: ResponseHandler): Stream {
    if (this.link.isClosed || this.#isClosing) {
      return refuse(handler, 'ADIT_LINK_LOST', 'the agent has just disconnected');
    }
    if (this.isLeaving) {
      return refuse(handler, 'ADIT_TUNNEL_RECONNECTING', 'the hub of the agent ends: try again in a moment');
    }
    if (this.#exchanges.size >= limits.streamCount) {
      return refuse(handler, 'ADIT_TUNNEL_BUSY', `${limits.streamCount} requests are under way`);
    }
    if (this.link.queuedBytes > limits.v1Collected) {
      return refuse(handler, 'ADIT_TUNNEL_BUSY', 'the agent does not take what it is sent');
    }
    const isUpgrade = fieldValue(head.fields, 'upgrade') !== undefined;
    if (!isUpgrade) this.#httpCount += 1;
    const Kind = isUpgrade ? HubWebSocketExchange : HubHttpExchange;
    const exchange = new Kind(newDocumentId(), head, handler, this);
    this.#exchanges.set(exchange.id, exchange);
    return exchange;
  }

  /** Serves a client id from now on. */
  grant(clientId: string): void {
    this.#clientIds.add(clientId);
    this.#isRetired = false;
  }

  /** Stops serving an id that a newer registration has taken. With its last one, and the last answer, the websocket goes. */
  withdraw(clientId: string): void {
    if (!this.#clientIds.delete(clientId) || this.#clientIds.size > 0) return;
    this.#isRetired = true;
    this.#stopTimer();
    this.#stopTimer = this.#deps.clock.after(this.#timeoutMs, () => this.#closeIfRetired());
    if (this.#httpCount === 0) this.#closeIfRetired();
  }

  close(code: number, reason: string): void {
    this.#stopTimer();
    this.#isClosing = true;
    this.link.close(code, reason);
  }

  destroy(): void {
    this.link.destroy();
  }

  reserve(byteCount: number): boolean {
    // What waits to be sent still does when its visitor has left.
    if (this.#heldBytes + this.link.queuedBytes + byteCount > limits.v1Collected) return false;
    this.#heldBytes += byteCount;
    return true;
  }

  finish(exchange: Exchange): void {
    if (!this.#exchanges.delete(exchange.id)) return;
    if (exchange instanceof HubWebSocketExchange) return;
    this.#httpCount -= 1;
    this.#heldBytes -= exchange.heldBytes;
    if (this.#httpCount === 0) this.#closeIfRetired();
  }

  document(document: V1Document): void {
    switch (document.type) {
      case 'registration-request':
        this.#register(document);
        return;
      case 'disconnect':
        this.close(1000, 'goodbye');
        return;
      case 'http-response':
      case 'ws-response':
      case 'ws-message':
      case 'ws-teardown':
        this.#dispatch(document);
        return;
      default:
        // The rest is what hubs send; a peer that echoes it does no harm.
        return;
    }
  }

  /** A document that can't be read fails the exchange that it names, else the whole websocket. */
  malformed(error: V1DocumentError): void {
    const exchange = error.id === undefined ? undefined : this.#exchanges.get(error.id);
    if (exchange) exchange.fail(new AditError('ADIT_AGENT_BAD_ANSWER', error.message));
    else if (error.id !== undefined && this.#hasRegistered) this.#deps.onStrayAnswer();
    else this.#closeRefused(1008, error.message);
  }

  quiet(): void {
    this.link.send({ type: 'ping' });
  }

  closed(): void {
    this.#stopTimer();
    const reason = new AditError('ADIT_LINK_LOST', 'the connection to the agent was lost: try again in a moment', {
      retryAfterSeconds: 1,
    });
    for (const exchange of [...this.#exchanges.values()]) exchange.fail(reason);
    this.#deps.onClosed(this);
  }

  #dispatch(document: Extract<V1Document, { type: 'http-response' | `ws-${string}` }>): void {
    const exchange = this.#exchanges.get(document.id);
    if (exchange instanceof HubHttpExchange && document.type === 'http-response') exchange.answer(document);
    else if (exchange instanceof HubWebSocketExchange && document.type === 'ws-response') exchange.answer(document);
    else if (exchange instanceof HubWebSocketExchange && document.type === 'ws-message') exchange.deliver(document);
    else if (exchange instanceof HubWebSocketExchange && document.type === 'ws-teardown') exchange.teardown();
    // A teardown is answered by a teardown, so one for a finished websocket is usual.
    else if (document.type !== 'ws-teardown') this.#deps.onStrayAnswer();
  }

  #register(request: RegistrationRequest): void {
    if (this.#clientIds.size + this.#pendingRegistrations >= limits.registrationCount) {
      this.#closeRefused(1008, `one websocket carries at most ${limits.registrationCount} registrations`);
      return;
    }
    this.#pendingRegistrations += 1;
    // One after the other, so that answers come in the order of the requests.
    this.#registering = this.#registering.then(async () => {
      if (!this.link.isClosed) await this.#admit(request);
      this.#pendingRegistrations -= 1;
    });
  }

  async #admit(request: RegistrationRequest): Promise<void> {
    try {
      const { clientId, hostname } = await this.#deps.register(request, this);
      this.#stopTimer();
      this.#hasRegistered = true;
      this.link.maxLength = limits.v1Document;
      this.log.info('agent registered', { clientId });
      this.link.send({
        type: 'registration-response',
        id: request.id,
        keyID: clientId,
        ...(hostname === undefined ? {} : { hostname }),
      });
    } catch (error) {
      const code = error instanceof AditError ? error.code : undefined;
      if (code === undefined) this.log.error('registration failed', { error: messageOf(error) });
      else this.log.info('registration refused', { reason: messageOf(error) });
      this.#closeRefused(
        code === 'ADIT_HUB_BUSY' ? 1013 : code === 'ADIT_REFUSED' ? 1008 : 1011,
        code === undefined ? 'the hub made a mistake' : messageOf(error),
      );
    }
  }

  /** The original writes a refusal as a bare text; the close frame says it to everyone else. */
  #closeRefused(code: number, reason: string): void {
    this.link.sendText(reason);
    this.close(code, reason);
  }

  #closeIfRetired(): void {
    if (this.#isRetired && this.#pendingRegistrations === 0) this.close(1008, 'replaced');
  }
}

function refuse(
  handler: ResponseHandler,
  code: 'ADIT_LINK_LOST' | 'ADIT_TUNNEL_BUSY' | 'ADIT_TUNNEL_RECONNECTING',
  message: string,
): Stream {
  return refuseStream(handler, new AditError(code, message, { retryAfterSeconds: 1 }));
}
