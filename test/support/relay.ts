import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Cleanup } from './processes.ts';

/** A machine on the way that can stop to forward without closing anything, as networks do. */
export interface Relay {
  port: number;
  /** Where it forwards new connections to. */
  target: number;
  /** Connections that it has taken. */
  connectionCount: number;
  /** Lets what is connected now hang for ever. New connections are forwarded. */
  freeze(): void;
  /** Ends what is connected now, as a machine does that starts anew. */
  cut(): void;
}

export async function startRelay(t: Cleanup): Promise<Relay> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    relay.connectionCount += 1;
    const far = connect(relay.target, '127.0.0.1');
    for (const [from, to] of [[near, far] as const, [far, near] as const]) {
      sockets.add(from);
      from.on('error', () => undefined); // Its close says so too.
      from.on('close', () => to.destroy());
      from.on('data', (chunk) => void to.write(chunk));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const relay: Relay = {
    port: (server.address() as AddressInfo).port,
    target: 0,
    connectionCount: 0,
    freeze() {
      for (const socket of sockets) socket.removeAllListeners('data').pause();
    },
    cut() {
      for (const socket of sockets) socket.destroy();
      sockets.clear();
    },
  };
  return relay;
}
