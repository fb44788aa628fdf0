import type { Bus, NodeId } from '#internal/bus/bus';
import type { Clock, Stop } from '#internal/core/clock';
import { AditError, messageOf } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import type { StreamOpener } from '#internal/link/stream';
import type { OnRepair } from '#internal/link/v2/lane';
import type { PacketLink } from '#internal/link/v2/packet-link';
import { WindowBudget } from '#internal/link/v2/receive-window';
import { limits } from '#messages/limits';
import { encodeNodeMessage } from '#messages/node';
import { gonePacket, packetKinds, V2Error } from '#messages/v2';
import type { Directory, SessionRecord } from '../directory/directory.ts';
import { EdgeLane, parkedWaitMs } from './edge-lane.ts';

/** How long new requests wait for a session whose hub has ended: its agent is about to come to another one. */
const orphanedWaitMs = 2_000;

export interface LanesOptions {
  /** This hub. */
  node: NodeId;
  timeoutMs: number;
  /** How long a session outlives its connection. */
  graceMs: number;
}

export interface LanesDeps {
  clock: Clock;
  log: Log;
  bus: Bus;
  directory: Directory;
  /** What may be granted to the streams of this process. */
  windows: WindowBudget;
  /** The connection of a session that is held here; undefined while it has none. */
  localLink(session: string): Pick<PacketLink, 'send' | 'isWritable'> | undefined;
  /** A session that is held here has no streams of this hub any more. */
  onIdle(session: string): void;
  /** The agent of a session that is held here broke the rules. */
  onBroken(session: string, reason: string): void;
  /** Counts what came for a stream that has ended. */
  onStrayFrame(): void;
  /** Counts what was lost on the way to or from a session. */
  onRepair?: OnRepair;
}

/** The lanes of this hub's visitors, to the sessions of agents wherever those are held. */
export class Lanes {
  readonly #options: LanesOptions;
  readonly #deps: LanesDeps;
  readonly #lanes = new Map<string, EdgeLane>();
  /** Those without a connection, the longest ones first, and what ends them. */
  readonly #parked = new Map<EdgeLane, Stop>();

  constructor(options: LanesOptions, deps: LanesDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Streams to one session that are under way here. */
  streamCount(session: string): number {
    return this.#lanes.get(session)?.streamCount ?? 0;
  }

  /** Where streams to a client id of a session are opened. */
  opener(record: SessionRecord, clientId: string): StreamOpener | undefined {
    const tunnel = record.clientIds.indexOf(clientId);
    if (tunnel === -1) return undefined;
    const lane = this.#lanes.get(record.session) ?? this.#make(record);
    if (record.epoch > lane.epoch && record.node !== this.#options.node) this.#attachRemote(lane, record);
    if (lane.parkedSince !== undefined) this.#limitParked();
    return lane.opener(clientId, tunnel);
  }

  /** A session that is held here goes on over this connection. */
  attach({ session, node, epoch }: SessionRecord, link: Pick<PacketLink, 'send' | 'isWritable'>): void {
    const lane = this.#lanes.get(session);
    if (!lane) return;
    this.#unpark(lane);
    lane.attach(link, node, epoch);
  }

  /** A session that this hub is thought to hold has no connection now. */
  park(node: NodeId, session: string): void {
    const lane = this.#lanes.get(session);
    if (lane?.node !== node) return;
    const reason = new AditError(
      'ADIT_TUNNEL_RECONNECTING',
      'the connection to the agent was lost, and it has not come back yet: try again in a moment',
      { retryAfterSeconds: 2 },
    );
    this.#park(lane, parkedWaitMs, reason);
  }

  /** A session that this hub is thought to hold has ended. */
  end(node: NodeId, session: string): void {
    const lane = this.#lanes.get(session);
    if (lane?.node === node) this.#end(lane);
  }

  /** Takes a packet of a session that is held here. Throws V2Error. */
  receive(session: string, packet: Buffer): boolean {
    const lane = this.#lanes.get(session);
    lane?.receive(packet);
    return lane !== undefined;
  }

  /** Takes a packet of a session that another hub holds. */
  receiveFrom(node: NodeId, session: string, packet: Buffer): void {
    const lane = this.#lanes.get(session);
    if (!lane) {
      // Whatever it is about, nobody here knows of it any more.
      this.#publish(node, session, gonePacket(this.#options.node));
      return;
    }
    if (packet[0] === packetKinds.gone) {
      if (node === lane.node) this.#end(lane);
      return;
    }
    const epoch = packet.length < 13 ? 0 : packet.readUInt32BE(9);
    // The session has gone on at that hub: this is how the others hear of it first.
    if (epoch > lane.epoch || (epoch === lane.epoch && node === lane.node && lane.parkedSince !== undefined)) {
      this.#deps.directory.invalidate(session);
      this.#attachRemote(lane, { node, epoch });
    }
    if (node !== lane.node) return;
    try {
      lane.receive(packet);
    } catch (thrown) {
      if (!(thrown instanceof V2Error)) throw thrown;
      this.#deps.bus.publish(node, encodeNodeMessage('broken', session, Buffer.from(thrown.message)));
      this.#end(lane);
    }
  }

  /** The hub that was thought to hold a session does not: perhaps another one does. */
  async absentAt(node: NodeId, session: string): Promise<void> {
    const lane = this.#lanes.get(session);
    if (lane?.node !== node) return;
    this.park(node, session);
    this.#deps.directory.invalidate(session);
    const record = await this.#deps.directory.read(session).catch((error: unknown) => {
      this.#deps.log.warn('the directory did not say where a session is', { error: messageOf(error) });
      return null;
    });
    if (record === null || this.#lanes.get(session) !== lane || lane.node !== node) return;
    if (!record) this.#end(lane);
    else if (record.epoch > lane.epoch) this.#attachRemote(lane, record);
  }

  /** A hub has ended. Its agents may go on at another one, and what they have heard of with them. */
  nodeGone(node: NodeId): void {
    const reason = lost();
    for (const lane of this.#lanes.values()) {
      if (lane.node !== node || node === this.#options.node) continue;
      this.#deps.directory.invalidate(lane.session);
      this.#park(lane, orphanedWaitMs, reason);
      this.#deps.clock.after(orphanedWaitMs, () => {
        if (lane.parkedSince !== undefined) lane.failUnheard(reason);
      });
    }
  }

  /** There is room on the bus again. */
  writable(): void {
    for (const lane of this.#lanes.values()) if (lane.node !== this.#options.node) lane.wake();
  }

  /** There is room again on the connection of a session that is held here. */
  wake(session: string): void {
    this.#lanes.get(session)?.wake();
  }

  #make(record: SessionRecord): EdgeLane {
    const { clock, log, windows, onStrayFrame, onRepair } = this.#deps;
    const isLocal = record.node === this.#options.node;
    const lane = new EdgeLane(record, this.#options, {
      clock,
      log,
      budget: new WindowBudget(limits.sessionWindows, windows),
      // What the last stream ended with is still to be sent.
      onIdle: () => setImmediate(() => this.#deps.onIdle(record.session)),
      onStrayFrame,
      onRepair,
    });
    this.#lanes.set(record.session, lane);
    const link = isLocal ? this.#deps.localLink(record.session) : this.#remoteLink(record.node, record.session);
    if (!link) {
      this.park(record.node, record.session);
      return lane;
    }
    // The agent may remember a lane of ours that we have given up.
    if (!isLocal || record.epoch > 1) link.send(gonePacket(this.#options.node));
    lane.attach(link, record.node, record.epoch);
    return lane;
  }

  #attachRemote(lane: EdgeLane, { node, epoch }: Pick<SessionRecord, 'node' | 'epoch'>): void {
    this.#unpark(lane);
    lane.attach(this.#remoteLink(node, lane.session), node, epoch);
  }

  #remoteLink(node: NodeId, session: string): Pick<PacketLink, 'send' | 'isWritable'> {
    const { bus } = this.#deps;
    return {
      send: (packet) => this.#publish(node, session, packet),
      get isWritable() {
        return bus.isWritable;
      },
    };
  }

  #publish(node: NodeId, session: string, packet: Buffer): void {
    this.#deps.bus.publish(node, encodeNodeMessage('toAgent', session, packet));
  }

  #end(lane: EdgeLane): void {
    this.#unpark(lane);
    this.#lanes.delete(lane.session);
    lane.end(lost());
  }

  #park(lane: EdgeLane, waitMs: number, reason: AditError): void {
    lane.park(waitMs, reason);
    if (this.#parked.has(lane)) return;
    const stop = this.#deps.clock.after(this.#options.graceMs, () => this.#end(lane));
    this.#parked.set(lane, stop);
    this.#limitParked();
  }

  #unpark(lane: EdgeLane): void {
    this.#parked.get(lane)?.();
    this.#parked.delete(lane);
  }

  /** What waits for agents to come back has its limits: the longest gone go first. */
  #limitParked(): void {
    let streams = 0;
    let bytes = 0;
    for (const lane of [...this.#parked.keys()].reverse()) {
      streams += lane.streamCount;
      bytes += lane.heldBytes;
      if (streams > limits.parkedStreams || bytes > limits.parkedBytes) this.#end(lane);
    }
  }
}

function lost(): AditError {
  return new AditError('ADIT_LINK_LOST', 'the connection to the agent was lost', { retryAfterSeconds: 1 });
}
