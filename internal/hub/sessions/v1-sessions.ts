import type { Bus, NodeId } from '#internal/bus/bus';
import type { Clock } from '#internal/core/clock';
import { messageOf } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import type { StreamOpener } from '#internal/link/stream';
import type { Registered, V1HubSession } from '#internal/link/v1/hub-session';
import type { WindowBudget } from '#internal/link/v2/receive-window';
import { limits } from '#messages/limits';
import { encodeNodeMessage } from '#messages/node';
import type { RegistrationRequest } from '#messages/v1';
import { V2Error } from '#messages/v2';
import type { Directory, SessionRecord } from '../directory/directory.ts';
import { hubEnds } from '../hub-ends.ts';
import { V1Lanes } from '../lanes/v1-lanes.ts';
import type { Registrar } from '../registration/registrar.ts';
import { tellEvicted } from './tell-evicted.ts';

export interface V1SessionsDeps {
  clock: Clock;
  log: Log;
  bus: Bus;
  directory: Directory;
  windows: WindowBudget;
}

interface Entry {
  session: V1HubSession;
  /** Undefined as long as no visitor of another hub has asked for it. */
  lanes: V1Lanes | undefined;
  /** What the directory knows; undefined before the first registration. */
  record: SessionRecord | undefined;
}

/** The sessions of wire v1 that this hub holds. They end with their websocket. */
export class V1Sessions {
  readonly #node: NodeId;
  readonly #deps: V1SessionsDeps;
  readonly #entries = new Map<string, Entry>();

  constructor(node: NodeId, deps: V1SessionsDeps) {
    this.#node = node;
    this.#deps = deps;
  }

  get size(): number {
    return this.#entries.size;
  }

  add(session: V1HubSession): void {
    this.#entries.set(session.id, { session, lanes: undefined, record: undefined });
  }

  forget(session: V1HubSession): void {
    const entry = this.#entries.get(session.id);
    this.#entries.delete(session.id);
    if (!entry) return;
    for (const node of entry.lanes?.nodes ?? []) this.#deps.bus.publish(node, encodeNodeMessage('ended', session.id));
    entry.lanes?.close();
    if (entry.record) this.#end(session.id);
  }

  opener(session: string, clientId: string): StreamOpener | undefined {
    return this.#entries.get(session)?.session.opener(clientId);
  }

  /** Throws ADIT_REFUSED or ADIT_HUB_BUSY. */
  async register(
    registrar: Pick<Registrar, 'admit'>,
    request: RegistrationRequest,
    session: V1HubSession,
  ): Promise<Registered> {
    const { keyId, tunnel } = await registrar.admit(request, session.id);
    const { clientId } = tunnel;
    const entry = this.#entries.get(session.id);
    const clientIds = [...new Set([...(entry?.record?.clientIds ?? []), clientId])];
    const record: SessionRecord = {
      session: session.id,
      node: this.#node,
      epoch: 1,
      wire: 'v1',
      keyId,
      maxStreams: limits.streamCount,
      clientIds,
    };
    if (entry) entry.record = record;
    tellEvicted(this.#deps.bus, await this.#deps.directory.claim(record, [clientId]));
    session.grant(clientId);
    // It may have left while its signature was verified.
    if (session.link.isClosed) this.#end(session.id);
    return tunnel;
  }

  withdraw(session: string, clientId: string): void {
    this.#entries.get(session)?.session.withdraw(clientId);
  }

  /** Takes a packet of another hub's lane. False: this session is not held here. */
  toAgent(from: NodeId, id: string, packet: Buffer): boolean {
    const entry = this.#entries.get(id);
    if (!entry) return false;
    if (packet.length === 0) return true;
    entry.lanes ??= new V1Lanes(entry.session, this.#deps);
    try {
      entry.lanes.receive(packet);
    } catch (thrown) {
      if (!(thrown instanceof V2Error)) throw thrown;
      this.#deps.log.error('another hub broke the rules of wire v2', { reason: thrown.message });
      entry.lanes.nodeGone(from);
      this.#deps.bus.publish(from, encodeNodeMessage('ended', id));
    }
    return true;
  }

  broken(session: string, reason: string): void {
    this.#entries.get(session)?.session.close(1011, reason);
  }

  nodeGone(node: NodeId): void {
    // Should it live after all, it has to know.
    for (const [session, { lanes }] of this.#entries) {
      if (lanes?.nodeGone(node)) this.#deps.bus.publish(node, encodeNodeMessage('ended', session));
    }
  }

  wake(): void {
    for (const { lanes } of this.#entries.values()) lanes?.wake();
  }

  /**
   * This hub ends. Closes the sessions of which nobody wants anything; with `isLast` the others open nothing new. True when
   * nothing is under way but websockets.
   */
  leave({ isLast }: { isLast: boolean }): boolean {
    let isOver = true;
    for (const { session, lanes } of this.#entries.values()) {
      // What was answered may still be on its way to the visitor's hub.
      const isIdle = session.isIdle && (lanes?.isIdle ?? true);
      if (!isIdle) isOver = false;
      if (isLast) session.isLeaving = true;
      if (isIdle && !session.hasWebsockets) session.close(...hubEnds);
    }
    return isOver;
  }

  closeAll(code: number, reason: string): void {
    for (const { session } of this.#entries.values()) session.close(code, reason);
  }

  #end(session: string): void {
    this.#deps.directory.end(session, this.#node).catch((error: unknown) => {
      this.#deps.log.warn('the directory was not told that a session ended', { error: messageOf(error) });
    });
  }
}
