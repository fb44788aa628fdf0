import { connect as connectPlain, isIP, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
import type { Clock } from '#internal/core/clock';
import { messageOf } from '#internal/core/errors';
import { limits } from '#messages/limits';
import { IdleConnections } from './idle-connections.ts';
import { LocalSocket } from './local-socket.ts';
import { isLocalhost, lookupWithLocalhost, type OriginAddress } from './origin-address.ts';
import { OriginConnection } from './origin-connection.ts';
import type { OriginRequest } from './origin-request.ts';
import { OriginResponses } from './origin-response.ts';
import { contextOf, type OriginTrust, systemTrust, whyDistrusted } from './origin-trust.ts';

/** How long a service may take to close a connection on which it was asked nothing. */
const farewellMs = 1_000;
const connectMs = 10_000;
/**
 * How long one address of localhost may be silent before the other one is tried. Where nothing listens, a system refuses at
 * once; when more connections wait than the service takes, it is silent, and asks again after a second. Windows does it
 * the other way round.
 */
const localhostMs = process.platform === 'win32' ? 250 : connectMs;
/** Where all connections read into, since whoever takes the bytes has sent or copied them when it returns. */
const readBuffer = Buffer.allocUnsafe(limits.v2DataSent);

/** Connections to the private service, kept for the next request. */
export class Origin {
  readonly #address: OriginAddress;
  readonly #clock: Clock;
  readonly #trust: OriginTrust;
  readonly #context: SecureContext | undefined;
  /** What the origin gave to shorten the next TLS handshake. */
  #tlsSession: Buffer | undefined;
  readonly #responses = new OriginResponses();
  readonly #idle: IdleConnections;
  /** Called when an exchange with it has failed. */
  onTrouble: () => void = () => undefined;

  constructor(address: OriginAddress, clock: Clock, trust = systemTrust) {
    this.#address = address;
    this.#clock = clock;
    this.#idle = new IdleConnections(clock);
    this.#trust = trust;
    this.#context = address.isSecure ? contextOf(trust) : undefined;
  }

  /** What people know it by. */
  get name(): string {
    return this.#address.name;
  }

  get scheme(): 'http' | 'https' {
    return this.#address.isSecure ? 'https' : 'http';
  }

  /** Its own Host. */
  get host(): string {
    return this.#address.host;
  }

  /** A connection for one request: an idle one, else a new one. */
  take({ isRepeatable }: OriginRequest): OriginConnection {
    return this.#idle.take(isRepeatable) ?? this.connect();
  }

  /** A new connection, which is still being made. */
  connect(): OriginConnection {
    const onread = {
      buffer: readBuffer,
      callback: (byteCount: number) => {
        connection.read(readBuffer.subarray(0, byteCount));
        return true;
      },
    };
    const socket = this.#dial(onread, () => {
      connection.hasConnected = true;
      this.#idle.made(connection);
    });
    const connection = new OriginConnection(socket, this.#responses, this.#idle);
    return connection;
  }

  /** Connects and says nothing. Gives why that failed, or undefined when it did not. */
  async check(): Promise<string | undefined> {
    return await new Promise((resolve) => {
      const socket = this.#dial({ buffer: readBuffer, callback: () => true }, () => {
        resolve(undefined);
        // Not without a word: a service that speaks first would take that for a failure of its own.
        socket.end();
        const stopTimer = this.#clock.after(farewellMs, () => socket.destroy());
        socket.once('close', stopTimer);
      });
      let reason = new Error('it closed the connection');
      socket.on('error', (error) => {
        reason = error;
      });
      socket.on('close', () => resolve(this.whyUnreachable(socket, reason)));
    });
  }

  /** Why a connection could not be made, in a whole sentence. */
  whyUnreachable(socket: Socket, reason: Error): string {
    const distrust = whyDistrusted(socket, reason);
    return distrust === undefined
      ? `nothing answers at ${this.name}: ${messageOf(reason)}`
      : `${this.name} cannot be asked: ${distrust}`;
  }

  close(): void {
    this.#idle.close();
  }

  #dial(onread: OnReadOpts, onConnected: () => void): Socket {
    const { isSecure } = this.#address;
    const socket = isSecure ? this.#dialTls(onread) : this.#dialPlain(onread);
    const stopTimer = this.#clock.after(connectMs, () => {
      socket.destroy(new Error(`no connection within ${connectMs / 1_000} s`));
    });
    socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      stopTimer();
      onConnected();
    });
    socket.once('close', stopTimer);
    return socket;
  }

  #dialOptions(onread: OnReadOpts) {
    const { endpoint } = this.#address;
    return {
      ...endpoint,
      noDelay: true,
      // An upgraded connection lives on when one side has ended.
      allowHalfOpen: true,
      lookup: lookupWithLocalhost,
      ...('host' in endpoint && isLocalhost(endpoint.host) && { autoSelectFamilyAttemptTimeout: localhostMs }),
      onread,
    };
  }

  #dialPlain(onread: OnReadOpts): Socket {
    const { endpoint } = this.#address;
    const options = this.#dialOptions(onread);
    return 'path' in endpoint ? new LocalSocket(endpoint.path, options, this.#clock) : connectPlain(options);
  }

  #dialTls(onread: OnReadOpts): Socket {
    const { endpoint } = this.#address;
    const hostname = 'host' in endpoint ? endpoint.host : '';
    const socket = connectTls({
      ...this.#dialOptions(onread),
      // An address is no server name (RFC 6066 §3).
      servername: isIP(hostname) ? '' : hostname,
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: !this.#trust.isInsecure,
      ...(this.#context && { secureContext: this.#context }),
      ...(this.#tlsSession && { session: this.#tlsSession }),
    });
    socket.on('session', (session) => {
      this.#tlsSession = session;
    });
    return socket;
  }
}
