import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { limits } from '#messages/limits';
import { type ListenAddress, listenOn } from '../listen.ts';

/** A certificate chain and its private key, both PEM. */
export interface Certificate {
  cert: Buffer;
  key: Buffer;
}

export interface ListenerHandler {
  request(request: IncomingMessage, response: ServerResponse): void;
  upgrade(request: IncomingMessage, socket: Duplex, early: Buffer): void;
  /** A request whose Expect is not 100-continue. */
  unmetExpectation(request: IncomingMessage, response: ServerResponse): void;
  /** Whether a new connection may stay; called once for each. */
  connection(socket: Socket): boolean;
  /** Input that is no HTTP request, by the parser's code. */
  malformed(code: string): void;
}

const serverOptions = {
  // A visitor's head must be complete by then; the body has its own limit, and a long upload is no fault.
  headersTimeout: 10_000,
  requestTimeout: 0,
  connectionsCheckingInterval: 1_000,
  // Longer than the 60 s of common load balancers, so that we never close what they are about to use.
  keepAliveTimeout: 75_000,
  maxHeaderSize: limits.requestHead,
  noDelay: true,
  // We answer a missing Host ourselves, like every other one that cannot be routed.
  requireHostHeader: false,
};

/** A public HTTP/1.1 listener, on plain or TLS sockets. */
export class Listener {
  readonly #server: Server | TlsServer;
  readonly #handler: ListenerHandler;
  /** All connections, also those that were upgraded and that the server no longer knows. */
  readonly #sockets = new Set<Duplex>();
  readonly isSecure: boolean;

  constructor(handler: ListenerHandler, certificate?: Certificate) {
    this.#handler = handler;
    this.isSecure = certificate !== undefined;
    this.#server = certificate ? createTlsServer({ ...serverOptions, ...certificate }) : createServer(serverOptions);
    // Beyond its count Node drops fields without a word; the edge refuses such a head instead.
    this.#server.maxHeadersCount = 0;
    const request = (message: IncomingMessage, response: ServerResponse): void => handler.request(message, response);
    this.#server.on('request', request);
    this.#server.on('checkContinue', request);
    this.#server.on('checkExpectation', (message, response) => handler.unmetExpectation(message, response));
    this.#server.on('upgrade', (message, socket, early) => {
      whenFree(socket, () => handler.upgrade(message, socket, early));
    });
    this.#server.on('connect', (message, socket) => {
      whenFree(socket, () => this.#refuseConnect(message, socket));
    });
    this.#server.on('clientError', (error, socket) => this.#clientError(error, socket as Socket));
    this.#server.on(this.isSecure ? 'secureConnection' : 'connection', (socket: Socket) => {
      // One that is read anew is not a new one.
      if (this.#sockets.has(socket)) return;
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      if (!handler.connection(socket)) socket.destroy();
    });
  }

  /** Starts to accept. Gives the port. Throws ADIT_ADDRESS_IN_USE or ADIT_FAILED. */
  listen(address: ListenAddress): Promise<number> {
    return listenOn(this.#server, address);
  }

  /** Reads a connection anew: `head` comes before what its peer sends next. */
  readAgain(socket: Duplex, head: Buffer): void {
    socket.unshift(head);
    this.#server.emit(this.isSecure ? 'secureConnection' : 'connection', socket);
    socket.resume();
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
  }

  /** Closes connections that wait for another request. */
  closeIdleConnections(): void {
    this.#server.closeIdleConnections();
  }

  /** Closes what is left. */
  destroyConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #refuseConnect(request: IncomingMessage, socket: Duplex): void {
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as Socket);
    response.once('finish', () => (socket as Socket).destroySoon());
    this.#handler.request(request, response);
  }

  #clientError(error: NodeJS.ErrnoException, socket: Socket): void {
    this.#handler.malformed(error.code ?? 'unknown');
    // A second response would be read as the body of one under way, or as the answer to an earlier request.
    const pending = pendingResponse(socket);
    if (!socket.writable || pending?.headersSent || pending?.req.complete) {
      socket.destroy();
      return;
    }
    socket.end(`HTTP/1.1 ${statusOf(error.code)}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  }
}

function pendingResponse(socket: Duplex): ServerResponse | undefined {
  return (socket as Duplex & { _httpMessage?: ServerResponse })._httpMessage;
}

/**
 * Lets a connection change its protocol once the response before it has been sent. Asked for while an earlier request
 * still waits for its answer, the change ends the connection: nobody could tell what the bytes behind it belong to.
 */
function whenFree(socket: Duplex, proceed: () => void): void {
  const pending = pendingResponse(socket);
  if (!pending) proceed();
  else if (pending.writableEnded) pending.once('finish', () => whenFree(socket, proceed));
  else socket.destroy();
}

function statusOf(code: string | undefined): string {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return '431 Request Header Fields Too Large';
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return '413 Payload Too Large';
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return '408 Request Timeout';
    default:
      return '400 Bad Request';
  }
}
