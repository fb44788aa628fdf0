import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';

/** The first port from `first` on that nobody listens on. */
export async function freePort(first) {
  for (let port = first; port < 65_536; port += 1) {
    // Browsers try ::1 first for names below localhost, so whoever listens only there would be in the way as well.
    if ((await canListen(port, '127.0.0.1')) && (await canListen(port, '::1'))) return port;
  }
  throw new Error(`every port from ${first} on is taken`);
}

/** Resolves once somebody accepts connections on a port of 127.0.0.1. */
export async function accepting(port) {
  while (!(await canConnect(port))) await setTimeout(25);
}

async function canListen(port, host) {
  const server = createServer();
  try {
    server.listen({ port, host });
    await once(server, 'listening');
    return true;
  } catch (error) {
    // Not every machine has IPv6.
    return error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT';
  } finally {
    server.close();
  }
}

async function canConnect(port) {
  const socket = connect({ port, host: '127.0.0.1' });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    // Nobody listens yet.
    return false;
  } finally {
    socket.destroy();
  }
}
