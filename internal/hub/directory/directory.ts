import type { BusHealth, NodeId } from '#internal/bus/bus';

/** What is known of a session: plain data. */
export interface SessionRecord {
  /** Names it among all sessions of all hubs. */
  readonly session: string;
  /** The hub that holds it. */
  readonly node: NodeId;
  /** Raised whenever the session goes on over another connection. */
  readonly epoch: number;
  readonly wire: 'v1' | 'v2';
  /** Whose key may go on with it. */
  readonly keyId: string;
  /** How many streams its agent takes. */
  readonly maxStreams: number;
  /** In the order of the registration: the index is a tunnel's name on the wire. */
  readonly clientIds: readonly string[];
}

/** A client id that a session has lost to a later claim. */
export interface Loss {
  readonly previous: SessionRecord;
  readonly clientId: string;
}

/**
 * Which session serves which client id, and on which hub. What is asked or told rejects with ADIT_HUB_BUSY while it cannot
 * be decided.
 */
export interface Directory {
  /** Who serves a client id: at once when that is known here, else when it was asked. */
  find(clientId: string): SessionRecord | undefined | Promise<SessionRecord | undefined>;
  /**
   * Notes a session of this hub and gives it these of its client ids. A later claim always wins; what others lost by it
   * is returned.
   */
  claim(record: SessionRecord, clientIds: readonly string[]): Promise<readonly Loss[]>;
  /** Frees an id, unless a newer claim has moved it. */
  release(clientId: string, session: string): Promise<void>;
  /** What is known of a session. Never an answer from memory that may be outdated. */
  read(session: string): Promise<SessionRecord | undefined>;
  /**
   * Moves a session to `node` and raises its epoch, if that is still `epoch`: this alone decides who holds it. Undefined
   * when it has moved on, or ended.
   */
  move(session: string, epoch: number, node: NodeId): Promise<SessionRecord | undefined>;
  /** Forgets a session with the ids that are still its own, unless another hub holds it by now. */
  end(session: string, node: NodeId): Promise<void>;
  /** What is remembered of this session has proved wrong. */
  invalidate(session: string): void;
  /** Whether nobody serves what is not found: others may still have to put back what was lost. */
  readonly isComplete: boolean;
  /** Client ids served by sessions of this hub. */
  readonly size: number;
  readonly health: BusHealth;
  close(): Promise<void>;
}
