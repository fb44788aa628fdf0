import type { Bus, NodeId } from '#internal/bus/bus';
import type { Clock } from '#internal/core/clock';
import { messageOf } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import type { RegisteredTunnel, V2HubLink, V2Registration } from '#internal/link/v2/hub-link';
import type { Ending } from '#internal/link/v2/session-link';
import type { Directory, SessionRecord } from '../directory/directory.ts';
import type { Lanes } from '../lanes/lanes.ts';
import type { Metrics } from '../metrics.ts';
import type { Registrar } from '../registration/registrar.ts';
import { HeldSession } from './held-session.ts';
import { tellEvicted } from './tell-evicted.ts';
import { V2Health } from './v2-health.ts';
import { V2Relay } from './v2-relay.ts';
import { V2Resumptions } from './v2-resumptions.ts';

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
  lanes: Lanes;
  metrics: Pick<Metrics, 'sessionParked' | 'sessionResumed'>;
}

/** The sessions of wire v2 that this hub holds: they come by registering or resuming, are parked, and end. */
export class V2Sessions {
  readonly #options: V2SessionsOptions;
  readonly #deps: V2SessionsDeps;
  /** Connections, of which some have yet to register. */
  readonly #links = new Set<V2HubLink>();
  readonly #held = new Map<string, HeldSession>();
  readonly health: V2Health;
  readonly relay: V2Relay;
  #isDraining = false;
  readonly resumptions: V2Resumptions;

  constructor(options: V2SessionsOptions, deps: V2SessionsDeps) {
    this.#options = options;
    this.#deps = deps;
    this.health = new V2Health(this.#held, deps);
    this.relay = new V2Relay(options.node, this.#held, deps);
    this.resumptions = new V2Resumptions(options.node, {
      directory: deps.directory,
      take: (record, from, link) => this.#take(record, from, link),
      withdraw: (session, clientId) => this.withdraw(session, clientId),
    });
  }

  get size(): number {
    return this.#links.size;
  }

  has(session: string): boolean {
    return this.#held.has(session);
  }

  link(session: string): V2HubLink | undefined {
    return this.#held.get(session)?.link;
  }

  add(link: V2HubLink): void {
    this.#links.add(link);
  }

  /** Registers a new session. Throws ADIT_REFUSED or ADIT_HUB_BUSY. */
  async register(
    registrar: Pick<Registrar, 'admitV2'>,
    registration: V2Registration,
    link: V2HubLink,
  ): Promise<readonly RegisteredTunnel[]> {
    const { keyId, tunnels } = await registrar.admitV2(registration);
    const clientIds = tunnels.map(({ clientId }) => clientId);
    const { node } = this.#options;
    const { maxStreams } = registration;
    const record: SessionRecord = { session: link.id, node, epoch: 1, wire: 'v2', keyId, maxStreams, clientIds };
    // Whoever finds it in the directory must find it here.
    this.#held.set(link.id, new HeldSession(record, link));
    try {
      tellEvicted(this.#deps.bus, await this.#deps.directory.claim(record, clientIds));
    } catch (error) {
      this.#held.delete(link.id);
      throw error;
    }
    // It may have left in the meantime, when the directory could not forget it yet.
    if (link.isClosed) {
      this.end(link.id);
      this.#forget(link.id);
    }
    return tunnels;
  }

  /** The directory says that a session is ours: it was at `from`, or here. */
  #take(record: SessionRecord, from: NodeId, link: V2HubLink): void {
    const { session, node } = record;
    const held = this.#held.get(session) ?? new HeldSession(record, link);
    this.#held.set(session, held);
    const previous = held.link === link ? undefined : held.link;
    link.id = session;
    held.record = record;
    held.link = link;
    held.stopTimer();
    previous?.destroy();
    this.#deps.metrics.sessionResumed({ isFromOther: from !== node });
    // It may have left in the meantime.
    if (link.isClosed) this.closed(link, 'lost');
    this.relay.resumed(held, from);
  }

  /** The agent knows that its session is here. What it has lost meanwhile it could not be told before. */
  serving(link: V2HubLink): void {
    const held = this.#held.get(link.id);
    if (held?.link !== link) return;
    this.#deps.lanes.attach(held.record, link);
    if (held.isLeaving) return;
    for (const [tunnel, clientId] of held.record.clientIds.entries()) {
      if (!held.clientIds.has(clientId)) link.sendWithdraw(tunnel);
    }
  }

  /** An agent is about to end: gives its names free. What is under way goes on until it closes. */
  async goodbye({ id }: V2HubLink): Promise<void> {
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

  closed(link: V2HubLink, ending: Ending): void {
    this.#links.delete(link);
    const held = this.#held.get(link.id);
    if (held?.link !== link) return;
    if (ending === 'final' || held.isRetired || held.isLeaving || this.#options.graceMs === 0) this.end(link.id);
    else if (this.#isDraining) this.#leave(held);
    else this.#park(held);
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
    held.stopTimer();
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
  moved(session: string, epoch: number): void {
    const held = this.#held.get(session);
    // It may have come back since.
    if (!held || held.record.epoch >= epoch) return;
    held.stopTimer();
    this.#held.delete(session);
    this.#deps.directory.invalidate(session);
    held.link?.destroy();
    this.#deps.lanes.park(this.#options.node, session);
    this.relay.tellNodes(held, 'moved', `${epoch}`);
  }

  broken(session: string, reason: string): void {
    this.#held.get(session)?.link?.fail(reason);
  }

  /** Ends a session for good. */
  end(session: string): void {
    const held = this.#held.get(session);
    if (!held) return;
    held.stopTimer();
    this.#held.delete(session);
    this.#deps.lanes.end(this.#options.node, session);
    this.relay.tellNodes(held, 'ended');
    this.#forget(session);
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
    this.#endAfterGrace(held);
    this.#deps.metrics.sessionParked();
    this.#deps.log.info('an agent lost its connection: its session waits for it', { session });
    this.#deps.lanes.park(this.#options.node, session);
    this.relay.tellNodes(held, 'parked');
  }

  /** This hub ends: the session stays in the directory, for another one to go on with. */
  #leave(held: HeldSession): void {
    const { session } = held.record;
    held.stopTimer();
    this.#held.delete(session);
    this.#deps.lanes.park(this.#options.node, session);
    this.relay.tellNodes(held, 'parked');
  }

  #endAfterGrace(held: HeldSession): void {
    const { session } = held.record;
    held.stopTimer = this.#deps.clock.after(this.#options.graceMs, () => {
      if (this.resumptions.has(session)) this.#endAfterGrace(held);
      else this.end(session);
    });
  }

  #forget(session: string): void {
    this.#deps.directory.end(session, this.#options.node).catch((error: unknown) => {
      this.#deps.log.warn('the directory was not told that a session ended', { error: messageOf(error) });
    });
  }
}
