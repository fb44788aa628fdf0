import type { Stop } from '#internal/core/clock';
import { AditError } from '#internal/core/errors';
import { version } from '#internal/core/version';
import { registrationError } from '#internal/link/registration-error';
import { limits } from '#messages/limits';
import { type Proof, type SessionPacket, sessionUnknown, V2Error } from '#messages/v2';
import { V2AgentSession, type V2AgentSessionDeps } from './agent-session.ts';
import type { ConnectPackets } from './packet-link.ts';
import { endingOf, SessionLink, type SessionLinkHandler } from './session-link.ts';

/** How long a hub may take to greet, and to answer a registration. */
const registrationMs = 10_000;

/** A hub may not have heard yet that it is to ask another session. */
const idleMs = 1_000;

/** Signs what the hub's nonce is part of: a new registration, or that a session goes on. */
export type Prove = (hubNonce: string, resumed?: V2AgentSession) => Proof;

export interface V2AgentLinkDeps extends V2AgentSessionDeps {
  /** The hub has registered this session. Requests may follow within the same turn. */
  onRegistered(hostname: string | undefined): void;
  /** The hub is about to end: another one is to be found. */
  onDrain(): void;
  /** The websocket is gone; called once. */
  onClosed(code: number, reason: string): void;
}

/** What an agent says of itself once it is registered. */
export type AgentWord = Extract<SessionPacket, { kind: 'probe' | 'status' | 'goodbye' }>;

interface Pending {
  prove: Prove;
  resolve(session: V2AgentSession): void;
  reject(reason: AditError): void;
}

/** The agent's end of one websocket that speaks wire v2. */
export class V2AgentLink implements SessionLinkHandler {
  readonly #deps: V2AgentLinkDeps;
  readonly #link: SessionLink;
  #hello: Extract<SessionPacket, { kind: 'hello' }> | undefined;
  #pending: Pending | undefined;
  /** What this connection carries, or is asked to go on with. */
  #session: V2AgentSession | undefined;
  /** The hub has said what came of a probe. */
  onProbed: (probed: Extract<SessionPacket, { kind: 'probed' }>) => void = () => undefined;
  /** The smoothed round trip to the hub, in milliseconds, was measured anew. */
  onRoundTrip: (ms: number) => void = () => undefined;
  /** The hub has taken our goodbye: it opens no more streams. */
  onGoodbye: () => void = () => undefined;

  constructor(deps: V2AgentLinkDeps, connect: ConnectPackets) {
    this.#deps = deps;
    this.#link = new SessionLink(deps.clock, this, connect);
  }

  /**
   * Goes on with a session if the hub still knows it, or registers a new one. Throws ADIT_REFUSED or ADIT_REPLACED for a
   * refusal that another attempt would not change, ADIT_HUB_BUSY for one that it may, and ADIT_LINK_LOST when no answer
   * came.
   */
  async register(prove: Prove, resumed?: V2AgentSession): Promise<V2AgentSession> {
    if (this.#link.isClosed) throw new AditError('ADIT_LINK_LOST', 'the hub closed the connection');
    this.#session = resumed;
    const stopTimer: Stop = this.#deps.clock.after(registrationMs, () => this.destroy());
    try {
      return await new Promise((resolve, reject) => {
        this.#pending = { prove, resolve, reject };
        this.#answerHello();
      });
    } finally {
      stopTimer();
      this.#pending = undefined;
    }
  }

  /** Tells the hub something of this agent, unless it has yet to be registered. */
  tell(word: AgentWord): void {
    if (this.#link.isServing) this.#link.tell(word);
  }

  /** There is reason to doubt the connection: it is asked now, and given up unless it answers soon. */
  urge(): void {
    this.#link.urge();
  }

  /** Closes the connection, and the session with it. */
  disconnect(): void {
    this.#link.packets.close(1000, 'goodbye');
  }

  destroy(): void {
    this.#link.packets.destroy();
  }

  batch(packet: Buffer): void {
    this.#session?.receive(packet);
  }

  gone(packet: Buffer): void {
    this.#session?.gone(packet);
  }

  measured(ms: number): void {
    this.onRoundTrip(ms);
  }

  writable(): void {
    this.#session?.writable();
  }

  broken(reason: string): void {
    this.#deps.log.error('the hub broke the rules of wire v2', { reason });
  }

  closed(code: number, reason: string): void {
    // What is final comes as a `rejected`, not as a close code.
    this.#pending?.reject(registrationError(code, reason));
    this.#session?.lost(this.#link.packets, { isFinal: endingOf(code) === 'final' });
    this.#deps.onClosed(code, reason);
  }

  sessionPacket(packet: SessionPacket): void {
    switch (packet.kind) {
      case 'hello':
        if (this.#hello) throw new V2Error('a hub greets once');
        this.#hello = packet;
        this.#answerHello();
        return;
      case 'registered':
        this.#registered(packet);
        return;
      case 'resumed':
        this.#resumed(packet);
        return;
      case 'rejected':
        this.#rejected(packet);
        return;
      case 'drain':
        this.#deps.onDrain();
        return;
      case 'withdraw':
        if (!this.#session || !this.#link.isServing) throw new V2Error('nothing is withdrawn before the registration');
        if (this.#session.withdraw(packet.tunnel)) this.#leaveOnceIdle(this.#session);
        return;
      case 'probed':
        this.onProbed(packet);
        return;
      case 'goodbye':
        this.onGoodbye();
        return;
      default:
        throw new V2Error(`hubs send no ${packet.kind} packets`);
    }
  }

  #answerHello(): void {
    if (!this.#hello || !this.#pending) return;
    const proof = this.#pending.prove(this.#hello.nonce, this.#session);
    if (this.#session) this.#link.tell({ kind: 'resume', ...proof });
    else {
      this.#link.tell({
        kind: 'register',
        versions: [2],
        agent: `adit/${version}`,
        limits: { streams: limits.streamCount },
        ...proof,
      });
    }
  }

  #registered(packet: Extract<SessionPacket, { kind: 'registered' }>): void {
    const pending = this.#pending;
    if (!pending || this.#session) throw new V2Error('a registration was answered that nobody asked for');
    const { session, epoch, graceMs, limits: peer } = packet;
    checkEpoch(epoch, 0);
    const tunnelCount = packet.tunnels.length;
    const hostname = packet.tunnels[0]?.hostname;
    const grant = { session, epoch, maxStreams: peer.streams, graceMs, tunnelCount, hostname };
    this.#session = new V2AgentSession(grant, this.#deps);
    this.#session.begin(this.#link.packets);
    this.#serve(pending, this.#session);
  }

  #resumed({ epoch, hostname }: Extract<SessionPacket, { kind: 'resumed' }>): void {
    const pending = this.#pending;
    if (!pending || !this.#session || this.#link.isServing)
      throw new V2Error('a session goes on that was not asked for');
    checkEpoch(epoch, this.#session.epoch);
    if (this.#session.isEnded) {
      // Its time was over just now.
      this.destroy();
      return;
    }
    this.#session.resume(this.#link.packets, epoch);
    // Hubs that share sessions may differ in their domains.
    if (hostname !== undefined) this.#session.hostname = hostname === '' ? undefined : hostname;
    this.#serve(pending, this.#session);
  }

  #serve(pending: Pending, session: V2AgentSession): void {
    this.#link.isServing = true;
    this.#deps.onRegistered(session.hostname);
    pending.resolve(session);
  }

  #rejected({ code, isFinal, message }: Extract<SessionPacket, { kind: 'rejected' }>): void {
    if (this.#session && !this.#link.isServing && code === sessionUnknown) {
      // It is not known there any more: the hub greets again, and a new one begins.
      this.#session.endIfParked();
      this.#session = undefined;
      this.#hello = undefined;
      return;
    }
    const isReplaced = isFinal && code === 'ADIT_REPLACED';
    this.#pending?.reject(
      new AditError(isReplaced ? 'ADIT_REPLACED' : isFinal ? 'ADIT_REFUSED' : 'ADIT_HUB_BUSY', message),
    );
  }

  /** Only this end knows whether visitors of any hub still wait for an answer. The hub may be the first to say so. */
  #leaveOnceIdle(session: V2AgentSession): void {
    this.#deps.clock.after(idleMs, () => {
      if (this.#link.isClosed) return;
      if (session.streamCount > 0) {
        this.#leaveOnceIdle(session);
        return;
      }
      this.#link.packets.close(1000, 'replaced');
      this.#link.closed(1008, 'replaced');
    });
  }
}

function checkEpoch(epoch: number, after: number): void {
  if (epoch <= after || epoch > 0xffff_ffff) throw new V2Error(`a session cannot have the epoch ${epoch}`);
}
