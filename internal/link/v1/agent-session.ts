import type { Clock, Stop } from '#internal/core/clock';
import { AditError, messageOf, type VisitorErrorCode, visitorErrors } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import { registrationError } from '#internal/link/registration-error';
import type { AcceptStream } from '#internal/link/stream';
import { limits } from '#messages/limits';
import { type HTTPRequest, newDocumentId, type V1Document, type V1DocumentError, type WSRequest } from '#messages/v1';
import { type AgentExchanges, AgentHttpExchange } from './agent-http.ts';
import { AgentWebSocketExchange, type AgentWebSockets } from './agent-websocket.ts';
import { type Connect, type DocumentHandler, DocumentLink } from './document-link.ts';

/** How long a hub may take to answer a registration. */
const registrationMs = 10_000;
/** How long a close frame may follow a refusal; an original hub sends none. */
const refusalMs = 500;

export interface V1AgentSessionDeps {
  clock: Clock;
  log: Log;
  accept: AcceptStream;
  /** The hub has registered this session. Requests may follow within the same turn. */
  onRegistered(hostname: string | undefined): void;
  /** The websocket is gone; called once. */
  onClosed(code: number, reason: string): void;
}

interface Pending {
  id: string;
  resolve(hostname: string | undefined): void;
  reject(reason: AditError): void;
}

/** The agent's end of a websocket that speaks wire v1. */
export class V1AgentSession implements DocumentHandler, AgentExchanges, AgentWebSockets {
  readonly link: DocumentLink;
  readonly clock: Clock;
  readonly log: Log;
  readonly maxBodyBytes: number;
  readonly abandonMs: number;
  readonly #deps: V1AgentSessionDeps;
  readonly #exchanges = new Map<string, AgentHttpExchange | AgentWebSocketExchange>();
  #pending: Pending | undefined;
  #refusal = '';
  #stopRefusal: Stop = () => undefined;
  #hasLostCookie = false;
  #isDraining = false;
  #onIdle: () => void = () => undefined;

  constructor(options: { maxBodyBytes: number; abandonMs: number }, deps: V1AgentSessionDeps, connect: Connect) {
    this.maxBodyBytes = options.maxBodyBytes;
    this.abandonMs = options.abandonMs;
    this.clock = deps.clock;
    this.log = deps.log;
    this.#deps = deps;
    this.link = new DocumentLink(deps.clock, this, connect);
  }

  /**
   * Registers and gives the hostname, if the hub has a domain. Throws ADIT_REFUSED for a refusal that another attempt
   * would not change, ADIT_HUB_BUSY for one that it may, and ADIT_LINK_LOST when no answer came.
   */
  async register(mandateToken: string, session: string): Promise<string | undefined> {
    if (this.link.isClosed) throw new AditError('ADIT_LINK_LOST', 'the hub closed the connection');
    const id = newDocumentId();
    const stopTimer = this.clock.after(registrationMs, () => this.destroy());
    try {
      return await new Promise((resolve, reject) => {
        this.#pending = { id, resolve, reject };
        this.link.send({ type: 'registration-request', id, mandateToken, session });
      });
    } finally {
      stopTimer();
      this.#pending = undefined;
    }
  }

  urge(): void {
    this.link.urge();
  }

  /** Refuses new requests, since this wire has no word for it. Resolves when none is under way but websockets. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      this.#tellIfIdle();
    });
  }

  /** Says goodbye; the hub then closes the websocket. */
  disconnect(): void {
    this.link.send({ type: 'disconnect', id: newDocumentId() });
  }

  destroy(): void {
    this.link.destroy();
  }

  lostCookie(): void {
    if (this.#hasLostCookie) return;
    this.#hasLostCookie = true;
    this.log.warn('an answer sets several cookies: only the first one can pass wire v1');
  }

  finish(exchange: { readonly id: string }): void {
    this.#exchanges.delete(exchange.id);
    // Its answer is sent within this turn.
    if (this.#isDraining) setImmediate(() => this.#tellIfIdle());
  }

  document(document: V1Document): void {
    switch (document.type) {
      case 'registration-response':
        if (this.#pending?.id !== document.id) return;
        this.#deps.onRegistered(document.hostname);
        this.#pending.resolve(document.hostname);
        return;
      case 'http-request':
      case 'ws-request':
        this.#start(document);
        return;
      case 'ws-message': {
        const exchange = this.#exchanges.get(document.id);
        if (exchange instanceof AgentWebSocketExchange) exchange.deliver(document);
        return;
      }
      case 'ws-teardown': {
        const exchange = this.#exchanges.get(document.id);
        if (exchange instanceof AgentWebSocketExchange) exchange.teardown();
        return;
      }
      default:
        // A ping has done its work by arriving; the rest is what agents send.
        return;
    }
  }

  malformed(error: V1DocumentError, text: string): void {
    if (this.#pending && this.#refusal === '') {
      this.#refusal = text.trim() || 'the hub gave no reason';
      // The close code tells whether it is for good. Whoever sends none means it so.
      this.#stopRefusal = this.clock.after(refusalMs, () => this.destroy());
    } else {
      this.log.warn('the hub sent a message that is no document of wire v1', { error: error.message });
    }
  }

  closed(code: number, reason: string): void {
    this.#stopRefusal();
    this.#pending?.reject(this.#registrationError(code, reason));
    for (const exchange of [...this.#exchanges.values()]) exchange.abort('the connection to the hub was lost');
    this.#deps.onClosed(code, reason);
  }

  #registrationError(code: number, reason: string): AditError {
    const text = this.#refusal || reason;
    const isFinal = code === 1008 || (code !== 1013 && this.#refusal !== '');
    return isFinal ? new AditError('ADIT_REFUSED', text || 'the hub gave no reason') : registrationError(code, text);
  }

  #start(request: HTTPRequest | WSRequest): void {
    if (this.#exchanges.has(request.id)) return;
    if (this.#isDraining) {
      this.#refuse(request, 'ADIT_TUNNEL_BUSY', 'the agent is about to end');
      return;
    }
    try {
      if (request.type === 'http-request') this.#startHttp(request);
      else this.#exchanges.set(request.id, new AgentWebSocketExchange(request, this.#deps.accept, this));
    } catch (error) {
      this.log.warn('the hub sent a request that cannot be forwarded', { error: messageOf(error) });
      this.#refuse(request, 'ADIT_BAD_REQUEST', messageOf(error));
    }
  }

  #startHttp(request: HTTPRequest): void {
    if (this.#exchanges.size >= limits.streamCount) this.#abandonOldest();
    const exchange = new AgentHttpExchange(request, this);
    this.#exchanges.set(request.id, exchange);
    exchange.start(this.#deps.accept);
  }

  /** No hub has so many under way: the oldest ones are those that nobody waits for any more. */
  #abandonOldest(): void {
    for (const exchange of this.#exchanges.values()) {
      if (!(exchange instanceof AgentHttpExchange)) continue;
      exchange.abort('too many requests are under way');
      return;
    }
  }

  #tellIfIdle(): void {
    for (const exchange of this.#exchanges.values()) if (exchange instanceof AgentHttpExchange) return;
    this.#onIdle();
  }

  #refuse({ type, id }: HTTPRequest | WSRequest, code: VisitorErrorCode, message: string): void {
    if (type === 'ws-request') this.link.send({ type: 'ws-response', id, ok: false, error: message });
    else {
      const { status } = visitorErrors[code];
      const headers = { 'Adit-Error': code };
      this.link.send({ type: 'http-response', id, status, headers, contentType: '', body: Buffer.from(message) });
    }
  }
}
