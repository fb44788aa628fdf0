/** Counts of a bus since it started, and how late it is. */
export interface BusStats {
  published: number;
  received: number;
  /** Messages that were not sent: Redis could not be reached or took too little, or their node was not there. */
  dropped: number;
  /** Messages that came too late to be delivered. */
  stale: number;
  /** Nodes that left or died. */
  gone: number;
  /** How long the last heartbeat took to come back. */
  readonly lagMs: number;
  readonly reconnects: number;
}
