import { randomInt } from 'node:crypto';
import type { Bus, NodeId } from '#internal/bus/bus';
import type { Clock } from '#internal/core/clock';
import { AditError, messageOf } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import type { StreamOpener } from '#internal/link/stream';
import type { OnRepair } from '#internal/link/v2/lane';
import type { PacketLink } from '#internal/link/v2/packet-link';
import { decodeGone, epochOf } from '#internal/link/v2/payloads';
import { WindowBudget } from '#internal/link/v2/receive-window';
import { limits } from '#messages/limits';
import { batchHeaderBytes, packetKinds, V2Error } from '#messages/v2';
import type { Directory, SessionRecord } from '../directory/directory.ts';
import { EdgeLane, parkedWaitMs } from './edge-lane.ts';
import { Holders } from './holders.ts';
import { ParkedLanes } from './parked-lanes.ts';

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
  /** Those without a connection. */
  readonly #parked: ParkedLanes;
  readonly #holders: Holders;

  constructor(options: LanesOptions, deps: LanesDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#holders = new Holders(options.node, deps);
    this.#parked = new ParkedLanes(options.graceMs, {
      clock: deps.clock,
      directory: deps.directory,
      look: async (lane) => {
        if (!(await this.look(lane.session))) this.#holders.ask(lane);
      },
      end: (lane) => this.#end(lane),
    });
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
    if (lane.parkedSince !== undefined) this.#parked.limit();
    return lane.opener(tunnel);
  }

  /** A session that is held here goes on over this connection. */
  attach({ session, node, epoch }: SessionRecord, link: Pick<PacketLink, 'send' | 'isWritable'>): void {
    const lane = this.#lanes.get(session);
    if (!lane) return;
    this.#parked.delete(lane);
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

  /** This hub ends: whatever its visitors still wait for, nobody else can bring them. */
  endAll(): void {
    for (const lane of this.#lanes.values()) this.#end(lane);
  }

  /** Takes a packet of a session that is held here. Throws V2Error. */
  receive(session: string, packet: Buffer): boolean {
    const lane = this.#lanes.get(session);
    lane?.receive(packet);
    return lane !== undefined;
  }

  /** The other end knows nothing of a lane, which was given up while this hub was cut off. Throws V2Error. */
  gone(session: string, packet: Buffer): void {
    const lane = this.#lanes.get(session);
    // It may be about the lane before.
    if (lane?.start === decodeGone(packet).start) this.#end(lane);
  }

  /** Takes a packet of a session that another hub holds. */
  receiveFrom(node: NodeId, session: string, packet: Buffer): void {
    if (packet[0] === packetKinds.gone) {
      this.gone(session, packet);
      return;
    }
    const lane = this.#lanes.get(session);
    if (!lane) {
      // Whatever it is about, nobody here knows of it any more.
      this.#holders.tellGone({ node, session });
      return;
    }
    const epoch = packet.length < batchHeaderBytes ? 0 : epochOf(packet);
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
      this.#holders.tellBroken(lane, thrown.message);
      this.#end(lane);
    }
  }

  /** The hub that was thought to hold a session does not: perhaps another one does. */
  async absentAt(node: NodeId, session: string): Promise<void> {
    const lane = this.#lanes.get(session);
    if (lane?.node !== node) return;
    this.park(node, session);
    if (!(await this.look(session)) && lane.node === node) this.#end(lane);
  }

  /**
   * Finds out where a session is by now. False: the directory does not know of it, which alone says little, since one
   * that came back empty is filled again by those who hold the sessions.
   */
  async look(session: string): Promise<boolean> {
    const lane = this.#lanes.get(session);
    if (!lane) return true;
    const { directory, log } = this.#deps;
    directory.invalidate(session);
    const record = await directory.read(session).catch((error: unknown) => {
      log.warn('the directory did not say where a session is', { error: messageOf(error) });
      return null;
    });
    if (record === null || this.#lanes.get(session) !== lane) return true;
    // What goes on here is attached when its agent knows.
    if (record && record.epoch > lane.epoch && record.node !== this.#options.node) this.#attachRemote(lane, record);
    return record !== undefined;
  }

  /** A hub has ended. Its agents may go on at another one, and what they have heard of with them. */
  nodeGone(node: NodeId): void {
    const reason = lost();
    for (const lane of this.#lanes.values()) {
      if (lane.node !== node || node === this.#options.node) continue;
      this.#deps.directory.invalidate(lane.session);
      this.#park(lane, orphanedWaitMs, reason);
      const since = lane.parkedSince;
      this.#deps.clock.after(orphanedWaitMs, () => {
        if (lane.parkedSince !== since || this.#lanes.get(lane.session) !== lane) return;
        // On wire v1 a session ends with its connection.
        if (lane.isTransparent) lane.failUnheard(reason);
        else this.#end(lane);
      });
    }
  }

  /**
   * What was on its way to or from a hub may be lost, and that hub may have had our lanes given up. Those on which nothing
   * waits begin anew, the others find out. Those that wait since the hub was thought to have ended go on: if it no longer
   * holds the session, it says so.
   */
  nodeHeard(node: NodeId): void {
    for (const lane of this.#lanes.values()) {
      if (lane.node !== node) continue;
      if (lane.isIdle) this.#end(lane);
      else if (lane.parkedSince === undefined) lane.check();
      else this.#attachRemote(lane, lane);
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
    const link = isLocal ? this.#deps.localLink(record.session) : this.#holders.link(record);
    // The agent may remember a lane of ours that we have given up, but not on its first connection to us.
    const start = isLocal && link && record.epoch === 1 ? 0 : newStart();
    const lane = new EdgeLane(
      record,
      { ...this.#options, start },
      {
        clock,
        log,
        budget: new WindowBudget(limits.sessionWindows, windows),
        // What the last stream ended with is still to be sent.
        onIdle: () => setImmediate(() => this.#deps.onIdle(record.session)),
        onStrayFrame,
        onRepair,
      },
    );
    this.#lanes.set(record.session, lane);
    if (!link) {
      this.park(record.node, record.session);
      return lane;
    }
    lane.attach(link, record.node, record.epoch);
    if (!isLocal) this.#holders.askNowAndThen(() => this.#lanes.values());
    return lane;
  }

  #attachRemote(lane: EdgeLane, { node, epoch }: Pick<SessionRecord, 'node' | 'epoch'>): void {
    this.#parked.delete(lane);
    lane.attach(this.#holders.link({ node, session: lane.session }), node, epoch);
    this.#holders.askNowAndThen(() => this.#lanes.values());
  }

  #end(lane: EdgeLane): void {
    this.#parked.delete(lane);
    this.#lanes.delete(lane.session);
    lane.end(lost());
    if (this.#lanes.size === 0) this.#holders.stopAsking();
  }

  #park(lane: EdgeLane, waitMs: number, reason: AditError): void {
    lane.park(waitMs, reason);
    this.#parked.add(lane);
  }
}

/** A position that no lane before has reached, all but certainly: nothing of that one is taken for this one's. */
function newStart(): number {
  return randomInt(1, 2 ** 47);
}

function lost(): AditError {
  return new AditError('ADIT_LINK_LOST', 'the connection to the agent was lost: try again in a moment', {
    retryAfterSeconds: 1,
  });
}
