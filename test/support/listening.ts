import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import type { Cleanup } from './processes.ts';

/** Lets a server listen on a free port of 127.0.0.1, and gives that. */
export async function listening(t: Cleanup, server: Server): Promise<number> {
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
