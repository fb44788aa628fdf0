import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock, Stop } from '#internal/core/clock';
import { lookupWithLocalhost, type OriginAddress } from './origin-address.ts';
import { OriginConnection } from './origin-connection.ts';

/** How long a connection stays idle when the origin does not say. */
const idleMs = 4_000;
/** How long a connection may have been idle for a request that must not be sent twice. */
const freshMs = 1_000;
const maxIdle = 256;
const connectMs = 10_000;

/** Connections to the private service, kept for the next request. */
export class Origin {
  readonly #address: OriginAddress;
  readonly #clock: Clock;
  /** The one that was used last is at the end. */
  #idle: OriginConnection[] = [];
  #stopSweep: Stop | undefined;

  constructor(address: OriginAddress, clock: Clock) {
    this.#address = address;
    this.#clock = clock;
  }

  /** Host and port as a Host field writes them. */
  get name(): string {
    return this.#address.host;
  }

  /** A connection for one request: an idle one, else a new one that is still being made. */
  take({ isRepeatable }: { isRepeatable: boolean }): OriginConnection {
    const now = this.#clock.now();
    const maxIdleMs = isRepeatable ? Number.POSITIVE_INFINITY : freshMs;
    for (let found = this.#idle.pop(); found; found = this.#idle.pop()) {
      const wasIdleMs = now - found.idleSince;
      if (found.isUsable && wasIdleMs < Math.min(idleLimit(found), maxIdleMs)) return found;
      // The others have been idle for even longer, which may still do for another request.
      if (found.isUsable && wasIdleMs < idleLimit(found)) {
        this.#idle.push(found);
        break;
      }
      found.destroy();
    }
    return this.#connect();
  }

  close(): void {
    this.#stopSweep?.();
    for (const connection of this.#idle) connection.destroy();
    this.#idle = [];
  }

  #connect(): OriginConnection {
    const { hostname, port, isSecure } = this.#address;
    const options = { host: hostname, port, noDelay: true, lookup: lookupWithLocalhost };
    const socket: Socket = isSecure
      ? connectTls({ ...options, servername: /^[\d.]+$|:/.test(hostname) ? '' : hostname, ALPNProtocols: ['http/1.1'] })
      : connectPlain(options);
    const stopTimer = this.#clock.after(connectMs, () => {
      socket.destroy(new Error(`no connection within ${connectMs / 1_000} s`));
    });
    socket.once(isSecure ? 'secureConnect' : 'connect', stopTimer);
    socket.once('close', stopTimer);
    return new OriginConnection(socket, (connection) => this.#keep(connection));
  }

  #keep(connection: OriginConnection): void {
    if (this.#idle.length >= maxIdle) {
      connection.destroy();
      return;
    }
    connection.idleSince = this.#clock.now();
    this.#idle.push(connection);
    this.#stopSweep ??= this.#clock.every(1_000, () => this.#sweep());
  }

  #sweep(): void {
    const now = this.#clock.now();
    const expired = this.#idle.filter((connection) => now - connection.idleSince >= idleLimit(connection));
    this.#idle = this.#idle.filter((connection) => connection.isUsable && !expired.includes(connection));
    for (const connection of expired) connection.destroy();
    if (this.#idle.length > 0) return;
    this.#stopSweep?.();
    this.#stopSweep = undefined;
  }
}

function idleLimit(connection: OriginConnection): number {
  return connection.idleMs === Number.POSITIVE_INFINITY ? idleMs : connection.idleMs;
}
