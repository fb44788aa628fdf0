import { randomUUID } from 'node:crypto';
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { AditError, messageOf } from '#internal/core/errors';
import type { Fields } from '#internal/http1/fields';
import type { StreamOpener } from '#internal/link/stream';
import { limits } from '#messages/limits';
import { type Networks, plainAddress } from '../addresses.ts';
import type { ConnectionCounter } from '../connection-counter.ts';
import { endAfterRequest, isWhole } from './early-response.ts';
import { errorResponse } from './error-response.ts';
import { Exchange, type ExchangeDeps } from './exchange.ts';
import type { Route, Router } from './router.ts';
import { upgradeKind, withoutUpgrade } from './upgrade.ts';
import { forwardedRequestFields, identifyVisitor } from './visitor.ts';

export interface EdgeOptions {
  domain: string;
  trustedProxies: Networks;
}

export interface EdgeDeps extends ExchangeDeps {
  router: Router;
  counter: ConnectionCounter;
  /** Who serves this client id now. */
  findOpener(clientId: string): StreamOpener | undefined;
  /** The hub's own side. */
  ownRequest(request: IncomingMessage, response: ServerResponse): void;
  /** A websocket for the hub itself. */
  ownUpgrade(request: IncomingMessage, socket: Duplex, early: Buffer): void;
  /** Lets the server read a connection anew, beginning with `head`. */
  readAgain(socket: Duplex, head: Buffer): void;
}

/** Paths of the hub that any host may reach: what machines in front of it ask by address. */
const subscribePath = '/proxy/subscribe';
const openPaths = new Set(['/healthz', '/readyz', subscribePath]);

/** The public side: decides for every request head where it leads. */
export class Edge {
  readonly #options: EdgeOptions;
  readonly #deps: EdgeDeps;

  constructor(options: EdgeOptions, deps: EdgeDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  request(request: IncomingMessage, response: ServerResponse): void {
    try {
      if (request.url === '*' && request.method === 'OPTIONS') {
        response.writeHead(204, ['Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS']).end();
        return;
      }
      const route = this.#route(request);
      if (route.to === 'tunnel') this.#forward(route, request, response);
      else {
        // Express reads a path, not an absolute URL.
        request.url = route.target;
        this.#deps.ownRequest(request, response);
      }
    } catch (thrown) {
      this.refuse(request, response, thrown);
    }
  }

  upgrade(request: IncomingMessage, socket: Duplex, early: Buffer): void {
    socket.on('error', () => undefined); // Its close says so too.
    const response = responseOn(request, socket);
    try {
      const route = this.#route(request);
      const isServed = route.to === 'tunnel' || pathOf(route) === subscribePath;
      if (upgradeKind(request) === 'ignored' || !isServed) {
        response.detachSocket(socket as Socket);
        socket.removeAllListeners('error').removeAllListeners('drain');
        this.#deps.readAgain(socket, Buffer.concat([withoutUpgrade(request), early]));
      } else if (route.to === 'tunnel') {
        this.#forward(route, request, response, { socket, early });
      } else {
        response.detachSocket(socket as Socket);
        this.#deps.ownUpgrade(request, socket, early);
      }
    } catch (thrown) {
      this.refuse(request, response, thrown, true);
    }
  }

  /** Answers with an error instead of forwarding. */
  refuse(request: IncomingMessage, response: ServerResponse, thrown: unknown, isUpgrade = false): void {
    const { log, metrics, clock } = this.#deps;
    if (!(thrown instanceof AditError))
      log.error('a request failed by a mistake of the hub', { error: messageOf(thrown) });
    const error = thrown instanceof AditError ? thrown : new AditError('ADIT_INTERNAL', 'the hub made a mistake');
    const { code, head, body } = errorResponse(error, {
      accept: request.headers.accept ?? '',
      requestId: randomUUID(),
    });
    metrics.refused(code);
    const isAllThere = isUpgrade || isWhole(request);
    if (!isAllThere) response.shouldKeepAlive = false;
    response.writeHead(head.status, head.fields as string[]);
    response.write(body);
    if (isAllThere) response.end();
    else endAfterRequest(request, response, clock);
  }

  #route(request: IncomingMessage): Route {
    const { method, rawHeaders, url = '' } = request;
    if (url.length > limits.requestTarget) {
      throw new AditError('ADIT_TARGET_TOO_LONG', `the request target exceeds ${limits.requestTarget} bytes`);
    }
    if (rawHeaders.length > 2 * limits.fieldCount) {
      throw new AditError('ADIT_HEAD_TOO_LARGE', `the request has more than ${limits.fieldCount} field lines`);
    }
    if (method === 'TRACE' || method === 'CONNECT') {
      throw new AditError('ADIT_METHOD_NOT_ALLOWED', `${method} is not forwarded`);
    }
    const route = this.#deps.router.route(hostOf(rawHeaders), url);
    if (route.to === 'hub' && !route.isKnownHost && !openPaths.has(pathOf(route))) {
      throw new AditError('ADIT_HOST_UNKNOWN', 'this hub serves no such host: check the name, and --domain and --base');
    }
    return route;
  }

  #forward(
    route: Route & { to: 'tunnel' },
    request: IncomingMessage,
    response: ServerResponse,
    upgrade?: { socket: Duplex; early: Buffer },
  ): void {
    const { counter, findOpener } = this.#deps;
    const { domain, trustedProxies } = this.#options;
    const visitor = identifyVisitor(socketFacts(request.socket), request.rawHeaders, trustedProxies);
    if (visitor.isPeerTrusted && visitor.address !== visitor.peer) {
      const leave = counter.enter(visitor.address);
      if (!leave) throw new AditError('ADIT_RATE_LIMITED', 'too many connections from your address');
      (upgrade?.socket ?? response).once('close', leave);
    }
    const { clientId, target, host, prefix } = route;
    const fields = forwardedRequestFields(request.rawHeaders, visitor, { host, prefix });
    if (upgrade) fields.push('Connection', 'Upgrade', 'Upgrade', 'websocket');
    const exchange = new Exchange({ request, response, upgrade, publicAddress: { domain, prefix } }, this.#deps);
    void exchange.start(clientId, { method: request.method ?? 'GET', target, fields }, () => findOpener(clientId));
  }
}

/** The one Host field. Two of them could be read in two ways. */
function hostOf(fields: Fields): string | undefined {
  let host: string | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name.length !== 4 || name.toLowerCase() !== 'host') continue;
    if (host !== undefined) throw new AditError('ADIT_BAD_REQUEST', 'the request has several Host fields');
    host = fields[i + 1];
  }
  return host;
}

function pathOf({ target }: Route): string {
  return target.split('?')[0] as string;
}

function socketFacts(socket: Socket): { address: string; isEncrypted: boolean } {
  return { address: plainAddress(socket.remoteAddress ?? ''), isEncrypted: socket instanceof TLSSocket };
}

/** A response for a request whose socket the server has handed out. It is the last one on its connection. */
function responseOn(request: IncomingMessage, socket: Duplex): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as Socket);
  const drained = (): void => void response.emit('drain');
  socket.on('drain', drained);
  response.once('finish', () => {
    socket.off('drain', drained);
    (socket as Socket).destroySoon();
  });
  return response;
}
