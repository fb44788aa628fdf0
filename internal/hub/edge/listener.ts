import { constants } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import type { Clock, Stop } from '#internal/core/clock';
import { acceptInPlace } from '#internal/core/in-place-socket';
import { Roster } from '#internal/core/roster';
import { type ListenAddress, listenOn } from '../listen.ts';
import { VisitorConnection, type VisitorHandler } from './visitor-connection.ts';

/** A certificate chain and its private key, both PEM. */
export interface Certificate {
  cert: Buffer;
  key: Buffer;
}

export interface ListenerHandler extends VisitorHandler {
  /** Whether a new connection may stay; called once for each. */
  connection(socket: Socket): boolean;
  /** A connection that did not begin with a TLS handshake. */
  noHandshake(): void;
}

/** How often connections are held to their deadlines. One timer for all costs less than one for each. */
const checkMs = 1_000;

/** When no connection has come for this long, the listener may be closed, and in any case after the limit. */
const calmMs = 10;
const calmLimitMs = 250;
/** Connections are accepted at the beginning of a turn of the event loop. In one that takes longer others may have come since. */
const shortTurnMs = 1;

/** What a TLS handshake takes, but for few. */
const handshakeMs = 1_000;

/** A visitor that has been silent for this long is asked by its system whether it is still there. */
const keepAliveMs = 120_000;

const socketOptions = {
  /** The visitor's end may come before ours: after an upgrade that is nothing unusual. */
  allowHalfOpen: true,
  noDelay: true,
  // Who vanishes without a word leaves a websocket that nobody ever writes to. And who leaves behind bytes that we hold
  // back can't be seen to go otherwise.
  keepAlive: true,
  keepAliveInitialDelay: keepAliveMs,
};
/**
 * Nobody needs another handshake on a connection, which TLS 1.2 still has, and each costs us more than who asks for it.
 * Node counts them, but of too many it only tells, and they go on.
 */
const contextOptions = { secureOptions: constants.SSL_OP_NO_RENEGOTIATION };
const tlsOptions = { ...socketOptions, ALPNProtocols: ['http/1.1', 'http/1.0'], handshakeTimeout: 10_000 };

/** A public HTTP/1.1 listener, on plain or TLS sockets. */
export class Listener {
  readonly #server: Server | TlsServer;
  readonly #clock: Clock;
  /** All connections, also those that have not finished their TLS handshake or were handed over. */
  readonly #sockets = new Roster<Socket>();
  readonly #connections = new Roster<VisitorConnection>();
  readonly #handler: ListenerHandler;
  /** When the last connection was accepted. */
  #acceptedAt = Number.NEGATIVE_INFINITY;
  /** Takes a visitor's connection. */
  #onVisitor: (socket: Socket) => void = (socket) => this.#visit(socket);
  #closed: Promise<void> | undefined;
  #onLastClosed: () => void = () => undefined;
  #stopChecks: Stop | undefined;
  readonly isSecure: boolean;

  constructor(handler: ListenerHandler, clock: Clock, certificate?: Certificate) {
    this.#clock = clock;
    this.#handler = handler;
    this.isSecure = certificate !== undefined;
    this.#server = certificate
      ? createTlsServer({ ...tlsOptions, ...contextOptions, ...certificate })
      : createServer({ ...socketOptions, pauseOnConnect: true });
    this.#server.on('connection', (socket: Socket) => {
      this.#acceptedAt = this.#clock.now();
      const forget = this.#sockets.add(socket);
      socket.once('close', () => {
        forget();
        if (this.#sockets.size === 0) this.#onLastClosed();
      });
      socket.on('error', () => undefined); // Its close says so too.
      if (!handler.connection(socket)) socket.destroy();
      else if (!this.isSecure) this.#onVisitor(socket);
    });
    this.#server.on('secureConnection', (socket: Socket) => this.#onVisitor(socket));
    this.#server.on('tlsClientError', (_error: Error, socket: Socket) => {
      socket.destroy(); // Of a handshake that takes too long Node only tells.
      handler.noHandshake();
    });
  }

  /** Starts to accept. Gives the port. Throws ADIT_ADDRESS_IN_USE or ADIT_FAILED. */
  async listen(address: ListenAddress): Promise<number> {
    const port = await listenOn(this.#server, address);
    this.#stopChecks = this.#clock.every(checkMs, () => this.#check());
    return port;
  }

  /** Uses another certificate for new connections. Throws when it can't be used; then the old one stays. */
  replaceCertificate(certificate: Certificate): void {
    (this.#server as TlsServer).setSecureContext({ ...contextOptions, ...certificate });
  }

  /** Visitors' connections that are open, without those that were handed over. */
  get visitorCount(): number {
    return this.#connections.size;
  }

  /**
   * Stops accepting without losing a connection. Those that the system has accepted are reset when a listener closes, so
   * new ones wait until no more come: visitors that come back after each answer then all wait, too.
   */
  async stopAccepting(): Promise<void> {
    const held: Socket[] = [];
    this.#onVisitor = (socket) => {
      socket.on('error', () => undefined);
      held.push(socket);
    };
    const endsAt = this.#clock.now() + calmLimitMs;
    do {
      await new Promise<void>((resolve) => void this.#clock.after(calmMs, resolve));
      await this.#shortTurn(endsAt);
    } while (this.#clock.now() - this.#acceptedAt < calmMs && this.#clock.now() < endsAt);
    void this.close();
    this.#onVisitor = this.#visit;
    for (const socket of held) this.#visit(socket);
  }

  /** Stops accepting at once. Resolves when the last connection has gone. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
    if (this.#sockets.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onLastClosed = resolve;
      });
    }
    this.#stopChecks?.();
  }

  /** Closes connections on which no request is expected any more. True when nothing is awaited from any. */
  closeSilent(): boolean {
    const now = this.#clock.now();
    // TLS handshakes are connections to be.
    let isOver = !this.isSecure || now - this.#acceptedAt >= handshakeMs;
    for (const connection of this.#connections) isOver = connection.closeIfSilent(now) && isOver;
    return isOver;
  }

  /** Closes what is left. What a visitor has not had whole looks cut. */
  destroyConnections(): void {
    for (const connection of this.#connections) connection.cut();
    for (const socket of this.#sockets) socket.destroy();
  }

  readonly #visit = (socket: Socket): void => {
    if (socket.destroyed) return;
    acceptInPlace(socket);
    const { isSecure: isEncrypted } = this;
    const connection = new VisitorConnection(socket, { isEncrypted, clock: this.#clock, handler: this.#handler });
    connection.onLeft = this.#connections.add(connection);
  };

  /** Waits for the end of a turn of the event loop that was so short that hardly anybody can have come since it began. */
  async #shortTurn(endsAt: number): Promise<void> {
    let beganAt: number;
    do {
      beganAt = this.#clock.now();
      await new Promise(setImmediate);
    } while (this.#clock.now() - beganAt > shortTurnMs && this.#clock.now() < endsAt);
  }

  #check(): void {
    const now = this.#clock.now();
    for (const connection of this.#connections) connection.check(now);
  }
}
