import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import type { Clock, Stop } from '#internal/core/clock';
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

/** The visitor's end may come before ours: after an upgrade that is nothing unusual. */
const socketOptions = { allowHalfOpen: true, noDelay: true };
const tlsOptions = { ...socketOptions, ALPNProtocols: ['http/1.1'], handshakeTimeout: 10_000 };

/** A public HTTP/1.1 listener, on plain or TLS sockets. */
export class Listener {
  readonly #server: Server | TlsServer;
  readonly #clock: Clock;
  /** All connections, also those that have not finished their TLS handshake or were handed over. */
  readonly #sockets = new Set<Socket>();
  readonly #connections = new Set<VisitorConnection>();
  #stopChecks: Stop | undefined;
  readonly isSecure: boolean;

  constructor(handler: ListenerHandler, clock: Clock, certificate?: Certificate) {
    this.#clock = clock;
    this.isSecure = certificate !== undefined;
    this.#server = certificate ? createTlsServer({ ...tlsOptions, ...certificate }) : createServer(socketOptions);
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined); // Its close says so too.
      if (!handler.connection(socket)) socket.destroy();
      else if (!this.isSecure) this.#visit(socket, handler);
    });
    this.#server.on('secureConnection', (socket: Socket) => this.#visit(socket, handler));
    this.#server.on('tlsClientError', () => handler.noHandshake());
  }

  /** Starts to accept. Gives the port. Throws ADIT_ADDRESS_IN_USE or ADIT_FAILED. */
  async listen(address: ListenAddress): Promise<number> {
    const port = await listenOn(this.#server, address);
    this.#stopChecks = this.#clock.every(checkMs, () => this.#check());
    return port;
  }

  /** Uses another certificate for new connections. Throws when it can't be used; then the old one stays. */
  replaceCertificate(certificate: Certificate): void {
    (this.#server as TlsServer).setSecureContext(certificate);
  }

  /** Stops accepting and closes connections without a request under way. Resolves when the last one has gone. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.closeIdleConnections();
    await closed;
    this.#stopChecks?.();
  }

  /** Closes connections that wait for another request. */
  closeIdleConnections(): void {
    for (const connection of this.#connections) connection.closeIfFree();
  }

  /** Closes what is left. */
  destroyConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #visit(socket: Socket, handler: ListenerHandler): void {
    const { isSecure: isEncrypted } = this;
    const connection = new VisitorConnection(socket, { isEncrypted, clock: this.#clock, handler });
    this.#connections.add(connection);
    connection.onLeft = () => this.#connections.delete(connection);
  }

  #check(): void {
    const now = this.#clock.now();
    for (const connection of this.#connections) connection.check(now);
  }
}
