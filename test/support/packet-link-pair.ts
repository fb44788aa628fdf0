import type { ConnectPackets, PacketLink, PacketLinkHandler } from '#internal/link/v2/packet-link';

interface End {
  handler: PacketLinkHandler | undefined;
  receivedBytes: number;
  isClosed: boolean;
}

/** A connection inside the process that carries packets, with a hand on it. */
export interface PacketLinkPair {
  left: ConnectPackets;
  right: ConnectPackets;
  /** Whether both ends have room for more. What is sent arrives all the same. */
  isWritable: boolean;
  /** Ends the connection without a word. */
  cut(): void;
}

/** What may happen to a packet on its way. Gives what arrives, in order. */
export type Meddle = (packet: Buffer, from: 'left' | 'right') => Buffer[];

/** Two packet links that are each other's far side. As over a network, nothing arrives inside its sender's call. */
export function packetLinkPair(meddle: Meddle = (packet) => [packet]): PacketLinkPair {
  const left: End = { handler: undefined, receivedBytes: 0, isClosed: false };
  const right: End = { handler: undefined, receivedBytes: 0, isClosed: false };
  const end = (at: End, code: number, reason: string): void => {
    if (at.isClosed) return;
    at.isClosed = true;
    at.handler?.closed(code, reason);
  };
  const cut = (): void => {
    end(left, 1006, '');
    end(right, 1006, '');
  };
  const connector =
    (own: End, far: End, name: 'left' | 'right'): ConnectPackets =>
    (handler): PacketLink => {
      own.handler = handler;
      const later = (action: () => void): void => void setImmediate(action);
      return {
        send(packet) {
          if (own.isClosed) return;
          later(() => {
            for (const arriving of meddle(packet, name)) {
              if (far.isClosed) return;
              far.receivedBytes += arriving.length;
              // What arrives has been copied by the network, into a buffer that is used again.
              const received = Buffer.from(arriving);
              far.handler?.packet(received);
              received.fill(0);
            }
          });
        },
        close(code, reason) {
          later(() => {
            end(far, code, reason);
            end(own, code, reason);
          });
        },
        destroy: () => later(cut),
        get isWritable() {
          return pair.isWritable;
        },
        queuedBytes: 0,
        get receivedBytes() {
          return own.receivedBytes;
        },
      };
    };
  const pair: PacketLinkPair = {
    left: connector(left, right, 'left'),
    right: connector(right, left, 'right'),
    isWritable: true,
    cut,
  };
  return pair;
}
