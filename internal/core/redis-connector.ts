import { connect as connectPlain, type NetConnectOpts, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { AbstractConnector } from '#internal/core/ioredis';
import { connectInPlace } from './in-place-socket.ts';

/** What the library says of a connection that was closed, for whatever reason. */
export const closedMessage = 'Connection is closed.';

/** What the library is given of the way to a server. */
interface Way {
  host?: string;
  port?: number;
  tls?: ConnectionOptions;
  disconnectTimeout: number;
}

/** Connects as the library does. */
abstract class OwnConnector extends AbstractConnector {
  readonly #way: Way;

  /** `options`: those of the library. */
  constructor(options: unknown) {
    const way = options as Way;
    super(way.disconnectTimeout);
    this.#way = way;
  }

  override async connect(): Promise<Socket> {
    this.connecting = true;
    // It may be told to disconnect meanwhile.
    await undefined;
    // In the words that it knows for no fault.
    if (!this.connecting) throw new Error(closedMessage);
    const stream = this.open(this.#way);
    stream.once('error', (error) => {
      this.firstError = error;
    });
    this.stream = stream;
    return stream;
  }

  protected abstract open(way: Way): Socket;
}

/** Connects by a socket that can be read in place. */
export class InPlaceConnector extends OwnConnector {
  protected override open(way: Way): Socket {
    return connectInPlace((onread) => connectOn(way, { onread }));
  }
}

/** Makes connectors that tell why they fail: of nodes of a Redis Cluster the library says only that they are closed. */
export function connectorTelling(onError: (error: Error) => void): new (options: unknown) => AbstractConnector {
  return class extends OwnConnector {
    protected override open(way: Way): Socket {
      return connectOn(way).once('error', onError);
    }
  };
}

function connectOn({ host, port, tls }: Way, more: Pick<NetConnectOpts, 'onread'> = {}): Socket {
  const options = { host, port, ...more } as NetConnectOpts;
  return tls ? connectTls({ ...options, ...tls }) : connectPlain(options);
}
