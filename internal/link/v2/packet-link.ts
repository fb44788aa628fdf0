import type { Packet } from './packet.ts';

/** A connection that carries whole binary messages in order: what wire v2 needs below it. */
export interface PacketLink {
  /**
   * Queues a packet. It must not be changed before `sent` is called: once it has left, or never when the connection does
   * not take it.
   */
  send(packet: Packet, sent?: () => void): void;
  /** Says goodbye with a websocket close code and a reason. */
  close(code: number, reason: string): void;
  /** Drops the connection without a word. */
  destroy(): void;
  /** False while so much waits to be sent that whoever can wait should; the handler's `writable` ends it. */
  readonly isWritable: boolean;
  /** Bytes that wait to be sent. */
  readonly queuedBytes: number;
  /** Bytes ever read from the network: when it grows, the other side lives. */
  readonly receivedBytes: number;
}

/** What a lane sends on. `rttMs` is the longest that its round trip may be, where something is known of that. */
export type SendingLink = Pick<PacketLink, 'send' | 'isWritable'> & { readonly rttMs?: number };

/** Who listens to a link. `closed` is the last call. */
export interface PacketLinkHandler {
  /** Its buffer may be used again afterwards. */
  packet(packet: Buffer): void;
  writable(): void;
  closed(code: number, reason: string): void;
}

/** Opens the connection below, once it is known who listens to it. */
export type ConnectPackets = (handler: PacketLinkHandler) => PacketLink;
