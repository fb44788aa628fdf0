import http, { type ClientRequest } from 'node:http';
import https from 'node:https';
import { AditError, messageOf } from '#internal/core/errors';
import { type Fields, fieldValue } from '#internal/http1/fields';
import type { RequestHead } from '#internal/http1/head';
import { lookupWithLocalhost, type OriginAddress } from './origin-address.ts';

const connectMs = 10_000;
/** A connection that was idle for longer may be closing at the other end already. */
const idleMs = 4_000;
/** The same for a request that cannot be sent twice. */
const freshMs = 1_000;

/** Connections to the private service, kept for the next request. */
export class Origin {
  readonly #address: OriginAddress;
  readonly #pool: http.Agent;
  readonly #freshPool: http.Agent;

  constructor(address: OriginAddress) {
    this.#address = address;
    const { Agent } = address.isSecure ? https : http;
    this.#pool = new Agent({ keepAlive: true, timeout: idleMs, scheduling: 'lifo' });
    this.#freshPool = new Agent({ keepAlive: true, timeout: freshMs, scheduling: 'lifo' });
  }

  get name(): string {
    return this.#address.host;
  }

  /** Begins a request. Its body is still to be written. */
  request({ method, target, fields }: RequestHead): ClientRequest {
    const { hostname, port, isSecure } = this.#address;
    const outgoing = (isSecure ? https : http).request({
      host: hostname,
      port,
      method,
      path: target,
      headers: fields as string[],
      agent: isIdempotent(method) ? this.#pool : this.#freshPool,
      lookup: lookupWithLocalhost,
    });
    const stopConnecting = setTimeout(() => {
      outgoing.destroy(new Error(`no connection within ${connectMs / 1_000} s`));
    }, connectMs);
    outgoing.once('socket', (socket) => {
      if (!socket.connecting) clearTimeout(stopConnecting);
      else socket.once('connect', () => clearTimeout(stopConnecting));
    });
    outgoing.once('close', () => clearTimeout(stopConnecting));
    return outgoing;
  }

  close(): void {
    this.#pool.destroy();
    this.#freshPool.destroy();
  }
}

/** Whether sending a request twice does no more than sending it once (RFC 9110 §9.2.2). */
export function isIdempotent(method: string): boolean {
  return ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'].includes(method);
}

/** Whether a request can be sent again as it was: it is idempotent and has no body. */
export function isRepeatable({ method, fields }: { method: string; fields: Fields }): boolean {
  const length = fieldValue(fields, 'content-length');
  return isIdempotent(method) && (length === undefined || length === '0');
}

/** Names what went wrong with the private service. `hasConnection` tells whether it had answered the call at all. */
export function originError(origin: string, thrown: unknown, hasConnection: boolean): AditError {
  const detail = messageOf(thrown);
  return hasConnection
    ? new AditError('ADIT_ORIGIN_FAILED', `the service at ${origin} broke off: ${detail}`, { cause: thrown })
    : new AditError('ADIT_ORIGIN_UNREACHABLE', `nothing answers at ${origin}: ${detail}`, { cause: thrown });
}
