import type { Bus, NodeId } from '#internal/bus/bus';
import { messageOf } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import type { StreamOpener } from '#internal/link/stream';
import type { Registered, V1HubSession } from '#internal/link/v1/hub-session';
import type { RegisteredTunnel, V2HubSession, V2Registration } from '#internal/link/v2/hub-session';
import { decodeNotice, encodeNotice } from '#messages/node';
import type { RegistrationRequest } from '#messages/v1';
import type { Directory, Holder } from './directory.ts';
import type { Metrics } from './metrics.ts';
import type { Registrar } from './registrar.ts';

/** An agent's session, whatever wire it speaks. */
export type AgentSession = V1HubSession | V2HubSession;

export interface AgentSessionsDeps {
  log: Log;
  bus: Bus;
  directory: Directory;
  metrics: Metrics;
}

/** The sessions that this hub holds, and how they come to their client ids and lose them. */
export class AgentSessions {
  readonly #node: NodeId;
  readonly #deps: AgentSessionsDeps;
  readonly #sessions = new Map<string, AgentSession>();

  constructor(node: NodeId, deps: AgentSessionsDeps) {
    this.#node = node;
    this.#deps = deps;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Where streams to a client id are opened, if an agent serves it. */
  opener(clientId: string): StreamOpener | undefined {
    const holder = this.#deps.directory.find(clientId);
    return holder?.node === this.#node ? this.#sessions.get(holder.session)?.opener(clientId) : undefined;
  }

  add(session: AgentSession): void {
    this.#sessions.set(session.id, session);
  }

  forget(session: AgentSession): void {
    this.#sessions.delete(session.id);
    for (const clientId of session.clientIds) this.#deps.directory.release(clientId, session.id);
  }

  closeAll(code: number, reason: string): void {
    for (const session of this.#sessions.values()) session.close(code, reason);
  }

  async register(registrar: Registrar, request: RegistrationRequest, session: V1HubSession): Promise<Registered> {
    const registered = await this.#counted(registrar.register(request, this.#holder(session)));
    session.grant(registered.clientId);
    // It may have left while its signature was verified.
    if (session.link.isClosed) this.forget(session);
    return registered;
  }

  async registerV2(
    registrar: Registrar,
    registration: V2Registration,
    session: V2HubSession,
  ): Promise<RegisteredTunnel[]> {
    const tunnels = await this.#counted(registrar.registerV2(registration, this.#holder(session)));
    if (session.isClosed) for (const { clientId } of tunnels) this.#deps.directory.release(clientId, session.id);
    return tunnels;
  }

  /** Tells a session that it has lost a client id: over the bus whichever hub holds it, so that there is one way. */
  evict({ node, session }: Holder, clientId: string): void {
    const notice = encodeNotice({ type: 'evicted', clientId, session });
    this.#deps.bus.publish(node, notice).catch((error: unknown) => {
      this.#deps.log.warn('a hub could not be told that its agent was replaced', { error: messageOf(error) });
    });
  }

  /** Takes a message of the bus that is meant for this hub. */
  notice(message: Buffer): void {
    try {
      const { clientId, session } = decodeNotice(message);
      // The session may have taken the id back since.
      if (this.#deps.directory.find(clientId)?.session !== session) this.#sessions.get(session)?.withdraw(clientId);
    } catch (error) {
      this.#deps.metrics.unreadableBusMessage();
      this.#deps.log.warn('a bus message could not be read', { error: messageOf(error) });
    }
  }

  #holder({ id }: AgentSession): Holder {
    return { node: this.#node, session: id };
  }

  async #counted<T>(registration: Promise<T>): Promise<T> {
    try {
      const registered = await registration;
      this.#deps.metrics.registration('accepted');
      return registered;
    } catch (error) {
      this.#deps.metrics.registration('refused');
      throw error;
    }
  }
}
