/** Names one hub process: 64 random bits, drawn at boot, as 16 hexadecimal digits. */
export type NodeId = string;

/**
 * Carries messages between hubs, each to one node. Messages from one sender to one node arrive in order and whole, or
 * not at all: what must not get lost is repaired above.
 */
export interface Bus {
  /** Receives what is published to `node`. Throws when it is subscribed already. */
  subscribe(node: NodeId, receive: (message: Buffer) => void): Promise<Unsubscribe>;
  /** Sends a message. Gives false when nobody listens as that node. The bytes may be reused once it has returned. */
  publish(node: NodeId, message: Uint8Array): Promise<boolean>;
  /** Ends all subscriptions. A publish after it throws. */
  close(): Promise<void>;
}

export type Unsubscribe = () => Promise<void>;
