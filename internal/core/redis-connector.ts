import { connect as connectPlain, type NetConnectOpts, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { AbstractConnector } from 'ioredis';
import { connectInPlace } from './in-place-socket.ts';

/** What the library is given of the way to a server. */
interface Way {
  host?: string;
  port?: number;
  tls?: ConnectionOptions;
  disconnectTimeout: number;
}

/** Connects as the library does, by a socket that can be read in place. */
export class InPlaceConnector extends AbstractConnector {
  readonly #way: Way;

  /** `options`: those of the library. */
  constructor(options: unknown) {
    const way = options as Way;
    super(way.disconnectTimeout);
    this.#way = way;
  }

  override async connect(): Promise<Socket> {
    const { host, port, tls } = this.#way;
    this.connecting = true;
    // It may be told to disconnect meanwhile.
    await undefined;
    // In the words that it knows for no fault.
    if (!this.connecting) throw new Error('Connection is closed.');
    const stream = connectInPlace((onread) => {
      const options = { host, port, onread } as NetConnectOpts;
      return tls ? connectTls({ ...options, ...tls }) : connectPlain(options);
    });
    stream.once('error', (error) => {
      this.firstError = error;
    });
    this.stream = stream;
    return stream;
  }
}
