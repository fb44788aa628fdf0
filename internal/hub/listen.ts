import type { AddressInfo, Server } from 'node:net';
import { AditError } from '#internal/core/errors';

export interface ListenAddress {
  /** Undefined listens on every address. */
  host: string | undefined;
  port: number;
}

/**
 * So many connections may wait to be accepted, if the system lets them. Of those beyond, it tells the visitors nothing, and
 * they ask again after a second. Node's own limit is 511.
 */
const backlog = 4_096;

/** Starts a server. Gives the port. Throws ADIT_ADDRESS_IN_USE, or ADIT_FAILED for any other reason. */
export async function listenOn(server: Server, { host, port }: ListenAddress): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog }, () => {
      server.off('error', reject);
      resolve();
    });
  }).catch((error: NodeJS.ErrnoException) => {
    const where = `${host ?? ''}:${port}`;
    if (error.code === 'EADDRINUSE') {
      throw new AditError('ADIT_ADDRESS_IN_USE', `cannot listen on ${where}: another program uses this port`);
    }
    throw new AditError('ADIT_FAILED', `cannot listen on ${where}: ${error.message}`, { cause: error });
  });
  return (server.address() as AddressInfo).port;
}

/** Where this machine reaches what it listens on itself. */
export function ownUrl({ host = '0.0.0.0' }: ListenAddress, port: number, { isSecure }: { isSecure: boolean }): URL {
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return new URL(`${isSecure ? 'https' : 'http'}://${reached.includes(':') ? `[${reached}]` : reached}:${port}`);
}
