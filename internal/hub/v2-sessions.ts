import type { Bus, NodeId } from '#internal/bus/bus';
import type { Clock } from '#internal/core/clock';
import { AditError, messageOf } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import type { Ending, RegisteredTunnel, V2HubSession, V2Registration } from '#internal/link/v2/hub-session';
import { limits } from '#messages/limits';
import { encodeNodeMessage } from '#messages/node';
import { gonePacket, packetKinds, V2Error } from '#messages/v2';
import type { Directory, Loss, SessionRecord } from './directory/directory.ts';
import { HeldSession } from './held-session.ts';
import type { Lanes } from './lanes/lanes.ts';
import type { Metrics } from './metrics.ts';
import type { Registrar } from './registrar.ts';
import { V2Health } from './v2-health.ts';

export interface V2SessionsOptions {
  node: NodeId;
  timeoutMs: number;
  graceMs: number;
}

export interface V2SessionsDeps {
  clock: Clock;
  log: Log;
  bus: Bus;
  directory: Directory;
  metrics: Metrics;
  lanes: Lanes;
}

/** The sessions of wire v2 that this hub holds: they come by registering or resuming, are parked, and end. */
export class V2Sessions {
  readonly #options: V2SessionsOptions;
  readonly #deps: V2SessionsDeps;
  /** Connections, of which some have yet to register. */
  readonly #links = new Set<V2HubSession>();
  readonly #held = new Map<string, HeldSession>();
  readonly health: V2Health;
  #isDraining = false;

  constructor(options: V2SessionsOptions, deps: V2SessionsDeps) {
    this.#options = options;
    this.#deps = deps;
    this.health = new V2Health(this.#held, deps);
  }

  get size(): number {
    return this.#links.size;
  }

  get parkedCount(): number {
    let count = 0;
    for (const { link } of this.#held.values()) if (!link) count += 1;
    return count;
  }

  has(session: string): boolean {
    return this.#held.has(session);
  }

  link(session: string): V2HubSession | undefined {
    return this.#held.get(session)?.link;
  }

  add(link: V2HubSession): void {
    this.#links.add(link);
  }

  /** Registers a new session. Throws ADIT_REFUSED or ADIT_HUB_BUSY. `evict` is told what others lost by it. */
  async register(
    registrar: Pick<Registrar, 'admitV2'>,
    registration: V2Registration,
    link: V2HubSession,
    evict: (losses: readonly Loss[]) => void,
  ): Promise<readonly RegisteredTunnel[]> {
    const { keyId, tunnels } = await registrar.admitV2(registration);
    const clientIds = tunnels.map(({ clientId }) => clientId);
    const { node } = this.#options;
    const { maxStreams } = registration;
    const record: SessionRecord = { session: link.id, node, epoch: 1, wire: 'v2', keyId, maxStreams, clientIds };
    // Whoever finds it in the directory must find it here.
    this.#held.set(link.id, new HeldSession(record, link));
    try {
      evict(await this.#deps.directory.claim(record, clientIds));
    } catch (error) {
      this.#held.delete(link.id);
      throw error;
    }
    // It may have left in the meantime.
    if (link.isClosed) this.end(link.id);
    return tunnels;
  }

  /** Goes on with a session over this connection: its new epoch, or undefined when nobody knows it any more. */
  async resume(
    registrar: Pick<Registrar, 'admitResume'>,
    registration: V2Registration,
    link: V2HubSession,
  ): Promise<number | undefined> {
    const { keyId, clientIds } = await registrar.admitResume(registration);
    const { session, epoch } = registration.claim;
    const { directory, bus } = this.#deps;
    const known = await directory.read(session);
    if (known?.wire !== 'v2' || known.keyId !== keyId || known.epoch < epoch) {
      await this.#refuseReplaced(session, clientIds);
      return undefined;
    }
    const { node } = this.#options;
    const record = await directory.move(session, known.epoch, node);
    if (!record || link.isClosed) return undefined;
    const held = this.#held.get(session);
    const previous = held?.link;
    if (known.node !== node) bus.publish(known.node, encodeNodeMessage('moved', session));
    link.id = session;
    if (held) {
      held.record = record;
      held.link = link;
      held.stopTimer();
    } else this.#held.set(session, new HeldSession(record, link));
    previous?.destroy();
    this.#deps.metrics.sessionResumed({ isFromOther: known.node !== node });
    return record.epoch;
  }

  /** The agent knows that its session goes on here. */
  serving(link: V2HubSession): void {
    const held = this.#held.get(link.id);
    if (held?.link === link) this.#deps.lanes.attach(held.record, link);
  }

  /** A batch of an agent, for a hub's lane. Throws V2Error. */
  batch(link: V2HubSession, node: NodeId, packet: Buffer): void {
    const held = this.#held.get(link.id);
    // What an old connection still brings was sent again over the new one.
    if (held?.link !== link) return;
    if (node === this.#options.node) {
      if (!this.#deps.lanes.receive(link.id, packet)) link.sendGone(node);
      return;
    }
    if (!held.nodes.has(node)) {
      if (held.nodes.size >= limits.nodesPerSession) throw new V2Error('it speaks to too many hubs');
      held.nodes.add(node);
    }
    this.#deps.bus.publish(node, encodeNodeMessage('toEdge', link.id, packet));
  }

  /** An agent knows nothing of the lane that a hub goes on with. */
  laneGone(link: V2HubSession, node: NodeId): void {
    if (this.#held.get(link.id)?.link !== link) return;
    if (node === this.#options.node) this.#deps.lanes.end(node, link.id);
    else this.#deps.bus.publish(node, encodeNodeMessage('toEdge', link.id, gonePacket(node)));
  }

  /** An agent is about to end: gives its names free. What is under way goes on until it closes. */
  async goodbye({ id }: V2HubSession): Promise<void> {
    const held = this.#held.get(id);
    if (!held) return;
    held.isLeaving = true;
    const clientIds = [...held.clientIds];
    held.clientIds.clear();
    await Promise.all(clientIds.map((clientId) => this.#deps.directory.release(clientId, id))).catch(
      (error: unknown) => {
        this.#deps.log.warn('the directory was not told that an agent leaves', { error: messageOf(error) });
      },
    );
  }

  closed(link: V2HubSession, ending: Ending): void {
    this.#links.delete(link);
    const held = this.#held.get(link.id);
    if (held?.link !== link) return;
    if (ending === 'final' || held.isRetired || held.isLeaving || this.#options.graceMs === 0) this.end(link.id);
    else if (this.#isDraining) this.#leave(held);
    else this.#park(held);
  }

  /** Takes a packet for an agent from the hub of a visitor. False: this session is not held here. */
  toAgent(from: NodeId, session: string, packet: Buffer): boolean {
    const held = this.#held.get(session);
    if (!held) return false;
    if (packet[0] !== packetKinds.gone) held.nodes.add(from);
    if (held.link) held.link.send(packet);
    else this.#deps.bus.publish(from, encodeNodeMessage('parked', session));
    return true;
  }

  /** A newer registration has taken an id. With its last one, and the last stream, the session ends. */
  withdraw(session: string, clientId: string): void {
    const held = this.#held.get(session);
    if (!held?.clientIds.delete(clientId)) return;
    held.link?.sendWithdraw(held.record.clientIds.indexOf(clientId));
    if (held.clientIds.size > 0) return;
    held.isRetired = true;
    if (!held.link) {
      this.end(session);
      return;
    }
    held.stopTimer = this.#deps.clock.after(this.#options.timeoutMs, () => held.link?.close(1008, 'replaced'));
    this.endIfRetired(session);
  }

  /** The last stream of a session has ended, as far as this hub knows. */
  endIfRetired(session: string): void {
    const held = this.#held.get(session);
    if (held?.isRetired && held.nodes.size === 0 && this.#deps.lanes.streamCount(session) === 0) {
      held.link?.close(1008, 'replaced');
    }
  }

  /** Another hub goes on with a session of ours. Its streams of our own visitors go on over there. */
  moved(session: string): void {
    const held = this.#held.get(session);
    if (!held) return;
    held.stopTimer();
    this.#held.delete(session);
    this.#deps.directory.invalidate(session);
    held.link?.destroy();
    this.#deps.lanes.park(this.#options.node, session);
  }

  broken(session: string, reason: string): void {
    this.#held.get(session)?.link?.fail(reason);
  }

  nodeGone(node: NodeId): void {
    const packet = gonePacket(node);
    for (const { nodes, link } of this.#held.values()) if (nodes.delete(node)) link?.send(packet);
  }

  /** Ends a session for good. */
  end(session: string): void {
    const held = this.#held.get(session);
    if (!held) return;
    held.stopTimer();
    this.#held.delete(session);
    this.#deps.lanes.end(this.#options.node, session);
    this.#tellNodes(held, 'ended');
    this.#deps.directory.end(session, this.#options.node).catch((error: unknown) => {
      this.#deps.log.warn('the directory was not told that a session ended', { error: messageOf(error) });
    });
  }

  /** Asks all agents to go on at another hub. */
  drain(msLeft: number): void {
    this.#isDraining = true;
    for (const { link } of this.#held.values()) link?.sendDrain(msLeft);
  }

  closeAll(code: number, reason: string): void {
    for (const link of this.#links) link.close(code, reason);
  }

  #park(held: HeldSession): void {
    const { session } = held.record;
    held.link = undefined;
    held.stopTimer();
    held.stopTimer = this.#deps.clock.after(this.#options.graceMs, () => this.end(session));
    this.#deps.metrics.sessionParked();
    this.#deps.log.info('an agent lost its connection: its session waits for it', { session });
    this.#deps.lanes.park(this.#options.node, session);
    this.#tellNodes(held, 'parked');
  }

  /** This hub ends: the session stays in the directory, for another one to go on with. */
  #leave(held: HeldSession): void {
    const { session } = held.record;
    held.stopTimer();
    this.#held.delete(session);
    this.#deps.lanes.park(this.#options.node, session);
    this.#tellNodes(held, 'parked');
  }

  #tellNodes({ record, nodes }: HeldSession, kind: 'parked' | 'ended'): void {
    for (const node of nodes) this.#deps.bus.publish(node, encodeNodeMessage(kind, record.session));
  }

  /** Whose names have gone to another session was replaced, and need not come again. */
  async #refuseReplaced(session: string, clientIds: readonly string[]): Promise<void> {
    for (const clientId of clientIds) {
      const holder = await this.#deps.directory.find(clientId);
      if (holder && holder.session !== session) {
        throw new AditError('ADIT_REPLACED', 'another agent with this key took over');
      }
    }
  }
}
