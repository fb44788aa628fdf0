import { METHODS } from 'node:http';
import type { Socket } from 'node:net';
import { AditError } from '#internal/core/errors';
import { type Fields, fieldList, fieldValue, listMembers } from '#internal/http1/fields';
import { writeFields } from '#internal/http1/head';
import type { ParsedRequest } from '#internal/http1/parse-head';
import { type Networks, plainAddress } from '../addresses.ts';
import type { ConnectionCounter } from '../connection-counter.ts';
import { Gate } from '../gate.ts';
import { uncounted } from '../metrics.ts';
import { asAditError, errorAnswer } from './error-answer.ts';
import { allowedMethods } from './error-response.ts';
import { Exchange, type ExchangeDeps } from './exchange.ts';
import { frameResponse } from './frame-response.ts';
import { RepeatedRequest } from './repeated-request.ts';
import type { Route, Router, TunnelRoute } from './router.ts';
import type { TunnelRequest } from './tunnel-request.ts';
import { UnderWay } from './under-way.ts';
import { type Upgrade, upgradeOf } from './upgrade.ts';
import { forwardedRequestFields, identifyVisitor } from './visitor.ts';
import type { VisitorConnection, VisitorHandler } from './visitor-connection.ts';

export interface EdgeOptions {
  domain: string;
  trustedProxies: Networks;
}

export interface EdgeDeps extends ExchangeDeps {
  router: Router;
  counter: ConnectionCounter;
  /** Whether a hub asks for that, to see whether visitors reach the tunnel. Never rejects. */
  isProbe(clientId: string, target: string): boolean | Promise<boolean>;
  /** Gives a connection to the hub's own side, beginning with bytes that were read from it. */
  handOver(socket: Socket, bytes: Buffer): void;
}

/** Paths of the hub that any host may reach: what machines in front of it ask by address. */
const subscribePath = '/proxy/subscribe';
const openPaths = new Set(['/healthz', '/readyz', subscribePath]);

/** What answers a request of which nothing could be read. */
const unread: ParsedRequest = { method: 'GET', target: '/', version: '1.1', fields: [] };

/** The public side: decides for every request head where it leads. */
export class Edge implements VisitorHandler {
  readonly #options: EdgeOptions;
  readonly #deps: EdgeDeps;
  readonly #probeDeps: ExchangeDeps;

  constructor(options: EdgeOptions, deps: EdgeDeps) {
    this.#options = options;
    this.#deps = deps;
    const { maxBodyBytes } = deps.gate;
    this.#probeDeps = {
      ...deps,
      gate: new Gate({ limiter: undefined, maxBodyBytes }),
      metrics: uncounted,
      underWay: new UnderWay(),
    };
  }

  request(connection: VisitorConnection, request: ParsedRequest): void {
    try {
      const again = connection.repeatedRequest?.again(request, this.#deps.router);
      if (again) {
        this.#start(connection, again);
        return;
      }
      const isContinueExpected = expectsContinue(request);
      if (request.target === '*' && request.method === 'OPTIONS') {
        this.#answer(connection, request, { status: 204, fields: ['Allow', allowedMethods] });
        return;
      }
      const route = this.#route(request, connection.repeatedRequest);
      const upgrade = upgradeOf(request, connection.hasMore);
      if (route.to === 'hub') this.#handOver(connection, request, route, upgrade);
      else this.#forward(connection, request, route, { upgrade, isContinueExpected });
    } catch (thrown) {
      this.#refuse(connection, request, thrown);
    }
  }

  malformed(connection: VisitorConnection, error: AditError): void {
    this.#refuse(connection, unread, error);
  }

  /** Answers with an error instead of forwarding. */
  #refuse(connection: VisitorConnection, request: ParsedRequest, thrown: unknown): void {
    const { log, metrics } = this.#deps;
    const { code, head, body } = errorAnswer(request, asAditError(thrown, log));
    metrics.refused(code);
    this.#answer(connection, request, head, body);
  }

  #answer(
    connection: VisitorConnection,
    request: ParsedRequest,
    { status, fields }: { status: number; fields: Fields },
    body?: Buffer,
  ): void {
    const isLast = connection.isLast || connection.hasMore || mayTurn(request) || this.#deps.underWay.isClosing;
    connection.begin(frameResponse(request, { status, reason: '', fields }, isLast));
    if (body) connection.writer.data(body);
    connection.end([]);
  }

  #route(request: ParsedRequest, last: RepeatedRequest | undefined): Route {
    const { method, target } = request;
    if (method === 'TRACE' || method === 'CONNECT') {
      throw new AditError('ADIT_METHOD_NOT_ALLOWED', `${method} is not forwarded`);
    }
    const { router } = this.#deps;
    const host = hostOf(request);
    const route = last?.routeAlike(host, target, router) ?? router.route(host, target);
    if (route.to === 'hub' && !route.isKnownHost && !openPaths.has(pathOf(route))) {
      throw new AditError('ADIT_HOST_UNKNOWN', 'this hub serves no such host: check the name, and --domain and --base');
    }
    return route;
  }

  /** Lets the hub's own side answer. Nothing else is under way, and nothing else comes on this connection. */
  #handOver(connection: VisitorConnection, request: ParsedRequest, route: Route, upgrade: Upgrade | undefined): void {
    // Node's server would close the connection without a word.
    if (!METHODS.includes(request.method)) {
      throw new AditError('ADIT_METHOD_NOT_ALLOWED', 'the hub itself knows no such method');
    }
    const fields = ownFields(request.fields);
    if (upgrade?.isWebsocket && pathOf(route) === subscribePath) {
      fields.push('Connection', 'Upgrade', 'Upgrade', 'websocket');
    } else {
      this.#deps.underWay.askedAt = this.#deps.clock.now();
      fields.push('Connection', 'close');
    }
    // Express reads a path, not an absolute URL.
    const head = `${request.method} ${route.target} HTTP/${request.version}\r\n${writeFields(fields)}\r\n`;
    const early = connection.detach();
    this.#deps.handOver(connection.socket, Buffer.concat([Buffer.from(head, 'latin1'), early]));
  }

  #forward(
    connection: VisitorConnection,
    request: ParsedRequest,
    route: TunnelRoute,
    { upgrade, isContinueExpected }: { upgrade: Upgrade | undefined; isContinueExpected: boolean },
  ): void {
    const { counter } = this.#deps;
    const { domain, trustedProxies } = this.#options;
    const { socket, isEncrypted, hasMore: hasBody } = connection;
    const facts = { address: plainAddress(socket.remoteAddress ?? ''), isEncrypted };
    const visitor = identifyVisitor(facts, request.fields, trustedProxies);
    let leave: (() => void) | undefined;
    if (visitor.isPeerTrusted && visitor.address !== visitor.peer) {
      leave = counter.enter(visitor.address);
      if (!leave) {
        throw new AditError('ADIT_RATE_LIMITED', 'too many connections from your address', { retryAfterSeconds: 1 });
      }
    }
    const { clientId, target, host, prefix } = route;
    const fields = forwardedRequestFields(request.fields, visitor, { host, prefix });
    const asked: TunnelRequest = {
      clientId,
      request,
      head: { method: request.method, target, fields, lines: writeFields(fields) },
      hasBody,
      isChunked: hasBody && fieldValue(request.fields, 'transfer-encoding') !== undefined,
      upgrade,
      isContinueExpected: isContinueExpected && hasBody,
      takesTrailers: takesTrailers(request),
      publicAddress: { domain, prefix },
      onOver: leave,
    };
    connection.repeatedRequest = RepeatedRequest.of(asked, route);
    this.#start(connection, asked);
  }

  #start(connection: VisitorConnection, asked: TunnelRequest): void {
    const { clientId, head, hasBody, upgrade } = asked;
    const mayBe = head.method === 'GET' && !hasBody && upgrade === undefined;
    const isProbe = mayBe && this.#deps.isProbe(clientId, head.target);
    if (isProbe instanceof Promise) void isProbe.then((is) => this.#begin(connection, asked, is));
    else this.#begin(connection, asked, isProbe);
  }

  #begin(connection: VisitorConnection, asked: TunnelRequest, isProbe: boolean): void {
    // It may have been asked for long, and then nobody would be told that the visitor has left.
    if (connection.socket.destroyed) asked.onOver?.();
    else new Exchange(connection, asked, isProbe ? this.#probeDeps : this.#deps).start();
  }
}

/**
 * Whether the visitor waits to be asked for its body. HTTP/1.0 visitors never get interim responses (RFC 9110 §15.2).
 * Throws ADIT_EXPECTATION_FAILED.
 */
function expectsContinue({ version, fields }: ParsedRequest): boolean {
  const expectation = fieldList(fields, 'expect');
  if (expectation === '') return false;
  if (listMembers(expectation).some((member) => member !== '100-continue')) {
    throw new AditError('ADIT_EXPECTATION_FAILED', 'the only expectation that can be met is 100-continue');
  }
  return version === '1.1';
}

/** HTTP/1.0 has no place for trailers. */
function takesTrailers({ version, fields }: ParsedRequest): boolean {
  return version === '1.1' && listMembers(fieldList(fields, 'te')).includes('trailers');
}

/** The one Host field. Two of them could be read in two ways. */
function hostOf({ version, fields }: ParsedRequest): string | undefined {
  let host: string | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name.length !== 4 || name.toLowerCase() !== 'host') continue;
    if (host !== undefined) throw new AditError('ADIT_BAD_REQUEST', 'the request has several Host fields');
    host = fields[i + 1];
  }
  // Even beside a target that names the host itself (RFC 9112 §3.2).
  if (host === undefined && version === '1.1') throw new AditError('ADIT_BAD_REQUEST', 'the request has no Host field');
  return host;
}

/**
 * Whether the visitor may send another protocol behind the request without waiting for the answer: whoever is refused a
 * tunnel or an upgrade must not have that read as requests.
 */
function mayTurn({ method, fields }: ParsedRequest): boolean {
  return method === 'CONNECT' || fieldValue(fields, 'upgrade') !== undefined;
}

/** The fields of a request for the hub itself, without those that speak of the connection: but its body's stay. */
function ownFields(fields: Fields): string[] {
  const dropped = new Set(['connection', 'keep-alive', 'upgrade', 'http2-settings']);
  return fields.filter((_, i) => !dropped.has((fields[i - (i % 2)] as string).toLowerCase()));
}

function pathOf({ target }: Route): string {
  return target.split('?')[0] as string;
}
