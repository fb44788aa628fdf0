/** A connection that carries whole text messages in order: what wire v1 needs of a websocket. */
export interface TextLink {
  /** Queues a message; `sent` is called once it has left for the network. */
  send(text: string, sent?: () => void): void;
  /** Asks the other machine for a sign of life, below the level of messages. */
  ping(): void;
  /** Says goodbye with a websocket close code and a reason. */
  close(code: number, reason: string): void;
  /** Drops the connection without a word. */
  destroy(): void;
  /** Bytes that wait to be sent. */
  readonly queuedBytes: number;
  /** Bytes ever read from the network: when it grows, the other side lives. */
  readonly receivedBytes: number;
}

/** Who listens to a link. `closed` is the last call. */
export interface TextLinkHandler {
  text(message: string): void;
  closed(code: number, reason: string): void;
}
