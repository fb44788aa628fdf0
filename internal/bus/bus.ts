/** Names one hub process: 64 random bits, drawn at boot, as 16 hexadecimal digits. Never used again. */
export type NodeId = string;

/** Who listens to a bus. What it throws is told, and disturbs nothing else. */
export interface BusHandler {
  /**
   * A message of another hub, or of this one. Those of one sender come in order and whole, or not at all. Its buffer may be
   * used again afterwards.
   */
  message(from: NodeId, message: Buffer): void;
  /** Nobody listens as this node, and nobody will again: what was sent to it is lost. */
  gone(node: NodeId): void;
  /** A node is heard again, or for the first time: what was sent to it or by it before may be lost. */
  heard(node: NodeId): void;
  /** There is room again. */
  writable(): void;
}

export interface BusHealth {
  readonly isUp: boolean;
  /** Why not; empty when it is. */
  readonly reason: string;
}

/**
 * One hub's end of what carries messages between hubs. A message may be lost: what must not be is repaired above.
 */
export interface Bus {
  /** Begins to receive. Resolves even while a broker cannot be reached: {@link health} tells. */
  start(handler: BusHandler): Promise<void>;
  /**
   * Sends a message, given in pieces, which must not be changed before it has arrived. Never throws; once closed it does
   * nothing.
   */
  publish(to: NodeId, ...pieces: Buffer[]): void;
  /** False while so much waits to be sent that whoever can wait should; the handler's `writable` ends it. */
  readonly isWritable: boolean;
  /** False while nothing that is published would be delivered: it cannot go out, arrives too late, or is refused. */
  readonly isConnected: boolean;
  /** Whether messages go out and come in at present. */
  readonly health: BusHealth;
  /** Says goodbye: others are told that this node is gone. */
  close(): Promise<void>;
}
