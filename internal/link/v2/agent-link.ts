import type { Stop } from '#internal/core/clock';
import { AditError } from '#internal/core/errors';
import { version } from '#internal/core/version';
import { Heartbeat } from '#internal/link/heartbeat';
import { registrationError } from '#internal/link/registration-error';
import { RoundTrips } from '#internal/link/round-trips';
import { limits } from '#messages/limits';
import {
  decodeSessionPacket,
  encodeSessionPacket,
  type Proof,
  packetKinds,
  type SessionPacket,
  sessionUnknown,
  V2Error,
} from '#messages/v2';
import { V2AgentSession, type V2AgentSessionDeps } from './agent-session.ts';
import { packetOf } from './packet.ts';
import type { ConnectPackets, PacketLink, PacketLinkHandler } from './packet-link.ts';

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
export class V2AgentLink implements PacketLinkHandler {
  readonly #deps: V2AgentLinkDeps;
  readonly #link: PacketLink;
  readonly #heartbeat: Heartbeat;
  #hello: Extract<SessionPacket, { kind: 'hello' }> | undefined;
  #pending: Pending | undefined;
  /** What this connection carries, or is asked to go on with. */
  #session: V2AgentSession | undefined;
  #isServing = false;
  #isClosed = false;
  readonly #roundTrips: RoundTrips;
  /** The hub has said what came of a probe. */
  onProbed: (probed: Extract<SessionPacket, { kind: 'probed' }>) => void = () => undefined;
  /** The smoothed round trip to the hub, in milliseconds, was measured anew. */
  onRoundTrip: (ms: number) => void = () => undefined;
  /** The hub has taken our goodbye: it opens no more streams. */
  onGoodbye: () => void = () => undefined;

  constructor(deps: V2AgentLinkDeps, connect: ConnectPackets) {
    this.#deps = deps;
    this.#roundTrips = new RoundTrips(deps.clock);
    this.#link = connect(this);
    this.#heartbeat = new Heartbeat(deps.clock, {
      unheard: () => this.#send(this.#roundTrips.ping(this.#link.queuedBytes)),
      dead: () => this.#link.destroy(),
      receivedBytes: () => this.#link.receivedBytes,
    });
  }

  /**
   * Goes on with a session if the hub still knows it, or registers a new one. Throws ADIT_REFUSED or ADIT_REPLACED for a
   * refusal that another attempt would not change, ADIT_HUB_BUSY for one that it may, and ADIT_LINK_LOST when no answer
   * came.
   */
  async register(prove: Prove, resumed?: V2AgentSession): Promise<V2AgentSession> {
    if (this.#isClosed) throw new AditError('ADIT_LINK_LOST', 'the hub closed the connection');
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
    if (this.#isServing) this.#send(word);
  }

  /** There is reason to doubt the connection: it is asked now, and given up unless it answers soon. */
  urge(): void {
    this.#heartbeat.urge();
  }

  /** Closes the connection, and the session with it. */
  disconnect(): void {
    this.#link.close(1000, 'goodbye');
  }

  destroy(): void {
    this.#link.destroy();
  }

  packet(packet: Buffer): void {
    if (this.#isClosed) return;
    try {
      if (packet.length > limits.v2Packet) throw new V2Error(`a packet of ${packet.length} bytes is too long`);
      if (packet[0] === packetKinds.batch || packet[0] === packetKinds.resend) this.#serving().receive(packet);
      else if (packet[0] === packetKinds.gone) this.#serving().gone(packet);
      else this.#take(packet);
    } catch (thrown) {
      if (!(thrown instanceof V2Error)) throw thrown;
      this.#deps.log.error('the hub broke the rules of wire v2', { reason: thrown.message });
      this.#link.close(1002, thrown.message);
      this.#end(1002, thrown.message);
    }
  }

  writable(): void {
    this.#session?.writable();
  }

  closed(code: number, reason: string): void {
    this.#end(code, reason);
  }

  #serving(): V2AgentSession {
    if (!this.#isServing || !this.#session) throw new V2Error('streams come after the registration');
    return this.#session;
  }

  #take(bytes: Buffer): void {
    const packet = decodeSessionPacket(bytes);
    switch (packet?.kind) {
      case undefined: // Unknown, and may be passed over.
        return;
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
      case 'ping':
        // Whoever does not read its answers gets no more of them.
        if (this.#link.isWritable) this.#send({ kind: 'pong', token: packet.token });
        return;
      case 'withdraw':
        if (this.#serving().withdraw(packet.tunnel)) this.#leaveOnceIdle();
        return;
      case 'pong':
        if (this.#roundTrips.answered(packet.token)) {
          this.onRoundTrip(this.#roundTrips.ms ?? 0);
        }
        return;
      case 'probed':
        this.onProbed(packet);
        return;
      case 'goodbye':
        this.onGoodbye();
        return;
      default:
        throw new V2Error(`hubs send no ${packet?.kind} packets`);
    }
  }

  #answerHello(): void {
    if (!this.#hello || !this.#pending) return;
    const proof = this.#pending.prove(this.#hello.nonce, this.#session);
    if (this.#session) this.#send({ kind: 'resume', ...proof });
    else {
      this.#send({
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
    this.#session.begin(this.#link);
    this.#serve(pending, this.#session);
  }

  #resumed({ epoch }: Extract<SessionPacket, { kind: 'resumed' }>): void {
    const pending = this.#pending;
    if (!pending || !this.#session || this.#isServing) throw new V2Error('a session goes on that was not asked for');
    checkEpoch(epoch, this.#session.epoch);
    if (this.#session.isEnded) {
      // Its time was over just now.
      this.destroy();
      return;
    }
    this.#session.resume(this.#link, epoch);
    this.#serve(pending, this.#session);
  }

  #serve(pending: Pending, session: V2AgentSession): void {
    this.#isServing = true;
    this.#deps.onRegistered(session.hostname);
    pending.resolve(session);
  }

  #rejected({ code, isFinal, message }: Extract<SessionPacket, { kind: 'rejected' }>): void {
    if (this.#session && !this.#isServing && code === sessionUnknown) {
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
  #leaveOnceIdle(): void {
    this.#deps.clock.after(idleMs, () => {
      if (this.#isClosed) return;
      if (this.#serving().streamCount > 0) {
        this.#leaveOnceIdle();
        return;
      }
      this.#link.close(1000, 'replaced');
      this.#end(1008, 'replaced');
    });
  }

  #send(packet: SessionPacket): void {
    this.#link.send(packetOf(encodeSessionPacket(packet)));
  }

  #end(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#heartbeat.stop();
    // What is final comes as a `rejected`, not as a close code.
    this.#pending?.reject(registrationError(code, reason));
    // Without a close frame, the hub has not meant to go, and after a restart (1012) another one may know the session.
    this.#session?.lost(this.#link, { isFinal: code !== 1006 && code !== 1012 });
    this.#deps.onClosed(code, reason);
  }
}

function checkEpoch(epoch: number, after: number): void {
  if (epoch <= after || epoch > 0xffff_ffff) throw new V2Error(`a session cannot have the epoch ${epoch}`);
}
