import type { Bus, NodeId } from '#internal/bus/bus';
import type { Clock } from '#internal/core/clock';
import { AditError, messageOf } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import type { StreamOpener } from '#internal/link/stream';
import type { Registered, V1HubSession } from '#internal/link/v1/hub-session';
import type { RegisteredTunnel, Resumed, V2HubLink, V2Registration } from '#internal/link/v2/hub-link';
import type { WindowBudget } from '#internal/link/v2/receive-window';
import { encodeNodeMessage, type NodeMessage } from '#messages/node';
import type { RegistrationRequest } from '#messages/v1';
import type { Directory, Loss, SessionRecord } from '../directory/directory.ts';
import { Lanes } from '../lanes/lanes.ts';
import type { Metrics } from '../metrics.ts';
import { notDecided } from '../not-decided.ts';
import type { Registrar } from '../registration/registrar.ts';
import { V1Sessions } from './v1-sessions.ts';
import { V2Sessions } from './v2-sessions.ts';

export interface AgentSessionsOptions {
  /** This hub. */
  node: NodeId;
  /** How long the head of a response may take. */
  timeoutMs: number;
  /** How long a session outlives its connection. */
  graceMs: number;
}

/** What is counted of sessions. */
type SessionMetrics = Pick<
  Metrics,
  'registration' | 'strayAnswer' | 'laneRepaired' | 'sessionParked' | 'sessionResumed'
>;

export interface AgentSessionsDeps {
  clock: Clock;
  log: Log;
  bus: Bus;
  directory: Directory;
  metrics: SessionMetrics;
  windows: WindowBudget;
}

/** The sessions of agents, here and at other hubs: where streams to them are opened, and what hubs tell each other. */
export class AgentSessions {
  readonly #options: AgentSessionsOptions;
  readonly #deps: AgentSessionsDeps;
  readonly lanes: Lanes;
  readonly v1: V1Sessions;
  readonly v2: V2Sessions;

  constructor(options: AgentSessionsOptions, deps: AgentSessionsDeps) {
    this.#options = options;
    this.#deps = deps;
    const { node } = options;
    this.lanes = new Lanes(options, {
      ...deps,
      localLink: (session) => this.v2.link(session),
      onIdle: (session) => this.v2.endIfRetired(session),
      onBroken: (session, reason) => this.v2.broken(session, reason),
      onStrayFrame: () => this.strayAnswer(),
      onRepair: (what) => deps.metrics.laneRepaired(what),
    });
    this.v1 = new V1Sessions(node, deps);
    this.v2 = new V2Sessions(options, { ...deps, lanes: this.lanes });
  }

  get size(): number {
    return this.v1.size + this.v2.size;
  }

  /** How many sessions are in which state. Agents that speak wire v1 say nothing of theirs. */
  get states(): Record<string, number> {
    const { online, ...others } = this.v2.health.states;
    return { online: online + this.v1.size, ...others };
  }

  /**
   * Where streams to a client id are opened, if an agent serves it: at once where that is known. Throws or rejects with
   * ADIT_LOOKUP_FAILED.
   */
  opener(clientId: string): StreamOpener | undefined | Promise<StreamOpener | undefined> {
    const found = this.#deps.directory.find(clientId);
    return found instanceof Promise
      ? found.then((record) => this.#openerOf(record, clientId), refuseVisitor)
      : this.#openerOf(found, clientId);
  }

  async registerV1(
    registrar: Pick<Registrar, 'admit'>,
    request: RegistrationRequest,
    session: V1HubSession,
  ): Promise<Registered> {
    return await this.#counted(this.v1.register(registrar, request, session));
  }

  async registerV2(
    registrar: Pick<Registrar, 'admitV2'>,
    registration: V2Registration,
    link: V2HubLink,
  ): Promise<readonly RegisteredTunnel[]> {
    return await this.#counted(this.v2.register(registrar, registration, link));
  }

  async resume(
    registrar: Pick<Registrar, 'admitResume'>,
    registration: V2Registration,
    link: V2HubLink,
  ): Promise<Resumed | undefined> {
    return await this.#counted(this.v2.resumptions.resume(registrar, registration, link));
  }

  /** Counts an answer that nobody waits for. */
  strayAnswer(): void {
    this.#deps.metrics.strayAnswer();
  }

  /** Takes a message of another hub, or of this one. Throws what cannot be read. */
  message(from: NodeId, { kind, name, payload }: NodeMessage): void {
    switch (kind) {
      case 'toAgent':
        if (this.v1.toAgent(from, name, payload) || this.v2.relay.toAgent(from, name, payload)) return;
        // What comes too early is lost, and sent again.
        if (!this.v2.resumptions.has(name)) this.#deps.bus.publish(from, encodeNodeMessage('absent', name));
        return;
      case 'toEdge':
        this.lanes.receiveFrom(from, name, payload);
        return;
      case 'parked':
        this.lanes.park(from, name);
        return;
      case 'absent':
        void this.lanes.absentAt(from, name);
        return;
      case 'ended':
        this.lanes.end(from, name);
        return;
      case 'broken':
        this.v1.broken(name, payload.toString());
        this.v2.broken(name, payload.toString());
        return;
      case 'evicted':
        this.#evicted(payload.toString(), name);
        return;
      case 'moved':
        this.v2.moved(name, Number(payload));
        void this.lanes.look(name);
        return;
      default:
        throw new Error(`${kind} is not about a session`);
    }
  }

  nodeGone(node: NodeId): void {
    this.lanes.nodeGone(node);
    this.v1.nodeGone(node);
    this.v2.relay.nodeGone(node);
  }

  /** There is room on the bus again. */
  writable(): void {
    this.lanes.writable();
    this.v1.wake();
  }

  closeAll(code: number, reason: string): void {
    this.v1.closeAll(code, reason);
    this.lanes.endAll();
    this.v2.closeAll(code, reason);
  }

  /** The other hub that holds the session of a client id, as far as that is known here. */
  remoteHolder(clientId: string): NodeId | undefined {
    const found = this.#deps.directory.find(clientId);
    if (found instanceof Promise) {
      // Whoever asks for the session is told what went wrong.
      found.catch(() => undefined);
      return undefined;
    }
    return found?.node === this.#options.node ? undefined : found?.node;
  }

  /** The directory itself has seen what sessions of this hub have lost, and need not be asked. */
  lost(losses: readonly Loss[]): void {
    for (const { previous, clientId } of losses) this.#withdraw(previous.session, clientId);
  }

  #openerOf(
    record: SessionRecord | undefined,
    clientId: string,
  ): StreamOpener | undefined | Promise<StreamOpener | undefined> {
    const { directory } = this.#deps;
    if (!record) return directory.isComplete ? undefined : refuseVisitor(notDecided('Redis was lost a moment ago'));
    const isHere = record.node === this.#options.node;
    if (isHere && record.wire === 'v1') return this.v1.opener(record.session, clientId);
    if (isHere && !this.v2.has(record.session)) return this.#lookAgain(record, clientId);
    // Redis stopping for a moment is waited for, its loss is not.
    if (!isHere && !this.#deps.bus.isConnected) return refuseVisitor(notDecided('the bus delivers nothing'));
    return this.lanes.opener(record, clientId);
  }

  /** A session comes or goes just now: its lane waits for it, wherever that will be. */
  async #lookAgain({ session }: SessionRecord, clientId: string): Promise<StreamOpener | undefined> {
    const { directory } = this.#deps;
    directory.invalidate(session);
    const record = await directory.read(session).catch(refuseVisitor);
    return record && this.lanes.opener(record, clientId);
  }

  /** A session may have taken an id back since it lost it. */
  #evicted(clientId: string, session: string): void {
    const withdraw = (holder: SessionRecord | undefined): void => {
      if (holder?.session !== session) this.#withdraw(session, clientId);
    };
    Promise.resolve(this.#deps.directory.find(clientId)).then(withdraw, (error: unknown) => {
      this.#deps.log.warn('the directory did not say who serves a name', { error: messageOf(error) });
    });
  }

  #withdraw(session: string, clientId: string): void {
    this.v1.withdraw(session, clientId);
    this.v2.withdraw(session, clientId);
  }

  async #counted<T>(registration: Promise<T>): Promise<T> {
    try {
      const registered = await registration;
      // Whoever has nothing to go on with registers next, and is counted then.
      if (registered !== undefined) this.#deps.metrics.registration('accepted');
      return registered;
    } catch (error) {
      this.#deps.metrics.registration('refused');
      throw error;
    }
  }
}

/** What keeps the directory from an answer is told to visitors as well as to agents. */
function refuseVisitor(error: unknown): never {
  if (!(error instanceof AditError)) throw error;
  throw new AditError('ADIT_LOOKUP_FAILED', error.message, { cause: error });
}
