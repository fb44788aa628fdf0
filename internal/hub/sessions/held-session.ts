import type { NodeId } from '#internal/bus/bus';
import type { Stop } from '#internal/core/clock';
import type { V2HubLink } from '#internal/link/v2/hub-link';
import { encodeNodeMessage } from '#messages/node';
import type { SessionRecord } from '../directory/directory.ts';

/** A session of wire v2 that this hub holds: it outlives its connection. */
export class HeldSession {
  record: SessionRecord;
  /** The connection of the moment; undefined while the session is parked. */
  link: V2HubLink | undefined;
  /** Client ids that are still its own. */
  readonly clientIds: Set<string>;
  /** What stands before a packet of its agent on the bus. */
  readonly toEdgeHead: Buffer;
  /** Other hubs whose visitors it serves. */
  readonly nodes = new Set<NodeId>();
  /** How many of them its agent was first to name, over the connection of the moment. */
  namedCount = 0;
  /** No client id is its own any more: it ends with its last stream. */
  isRetired = false;
  /** The agent has said goodbye, and closes the connection when its last stream has ended. */
  isLeaving = false;
  /** Its state was logged just now. */
  isStateFresh = false;
  /** Stops what would end it: the grace period, or the time for its last streams. */
  stopTimer: Stop = () => undefined;

  constructor(record: SessionRecord, link: V2HubLink) {
    this.record = record;
    this.link = link;
    this.clientIds = new Set(record.clientIds);
    this.toEdgeHead = encodeNodeMessage('toEdge', record.session);
  }
}
