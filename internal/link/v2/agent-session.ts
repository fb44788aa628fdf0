import type { Clock, Stop } from '#internal/core/clock';
import { AditError } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import { version } from '#internal/core/version';
import { Heartbeat } from '#internal/link/heartbeat';
import type { AcceptStream } from '#internal/link/stream';
import { limits } from '#messages/limits';
import {
  batchHeaderBytes,
  decodeSessionPacket,
  encodeSessionPacket,
  packetKinds,
  type SessionPacket,
  V2Error,
} from '#messages/v2';
import { Mux } from './mux.ts';
import type { ConnectPackets, PacketLink, PacketLinkHandler } from './packet-link.ts';
import { WindowBudget } from './receive-window.ts';

/** How long a hub may take to greet, and to answer a registration. */
const registrationMs = 10_000;
/** How many hubs may reach an agent through the one that it is connected to. */
const maxNodes = 256;

type Register = Extract<SessionPacket, { kind: 'register' }>;

/** Signs what the hub's nonce is part of. */
export type Prove = (hubNonce: string) => Pick<Register, 'key' | 'algorithm' | 'signature' | 'claim'>;

export interface V2AgentSessionDeps {
  clock: Clock;
  log: Log;
  /** What may be granted to the streams of this process. */
  windows: WindowBudget;
  accept: AcceptStream;
  /** The hub has registered this session. Requests may follow within the same turn. */
  onRegistered(hostname: string | undefined): void;
  /** The websocket is gone; called once. */
  onClosed(code: number, reason: string): void;
}

interface Pending {
  prove: Prove;
  resolve(hostname: string | undefined): void;
  reject(reason: AditError): void;
}

/** The agent's end of a websocket that speaks wire v2. */
export class V2AgentSession implements PacketLinkHandler {
  readonly #deps: V2AgentSessionDeps;
  readonly #link: PacketLink;
  readonly #heartbeat: Heartbeat;
  readonly #budget: WindowBudget;
  /** The streams of each hub that reaches us, by its name. */
  readonly #muxes = new Map<string, Mux>();
  #hello: Extract<SessionPacket, { kind: 'hello' }> | undefined;
  #pending: Pending | undefined;
  #epoch = 0;
  #maxStreams = 0;
  #isClosed = false;

  constructor(deps: V2AgentSessionDeps, connect: ConnectPackets) {
    this.#deps = deps;
    this.#budget = new WindowBudget(limits.sessionWindows, deps.windows);
    this.#link = connect(this);
    this.#heartbeat = new Heartbeat(deps.clock, {
      quiet: () => undefined,
      unheard: () => this.#send({ kind: 'ping', token: 0 }),
      dead: () => this.#link.destroy(),
      receivedBytes: () => this.#link.receivedBytes,
    });
  }

  /**
   * Registers and gives the hostname, if the hub has a domain. Throws ADIT_REFUSED for a refusal that another attempt
   * would not change, ADIT_HUB_BUSY for one that it may, and ADIT_LINK_LOST when no answer came.
   */
  async register(prove: Prove): Promise<string | undefined> {
    if (this.#isClosed) throw new AditError('ADIT_LINK_LOST', 'the hub closed the connection');
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

  /** Says goodbye. */
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
      if (packet[0] === packetKinds.batch || packet[0] === packetKinds.resend) this.#mux(packet).receive(packet);
      else if (packet[0] === packetKinds.gone) this.#gone(packet);
      else this.#session(packet);
    } catch (thrown) {
      if (!(thrown instanceof V2Error)) throw thrown;
      this.#deps.log.error('the hub broke the rules of wire v2', { reason: thrown.message });
      this.#link.close(1002, thrown.message);
      this.#end(1002, thrown.message);
    }
  }

  writable(): void {
    for (const mux of this.#muxes.values()) mux.wake();
  }

  closed(code: number, reason: string): void {
    this.#end(code, reason);
  }

  #mux(packet: Buffer): Mux {
    if (this.#epoch === 0) throw new V2Error('streams come after the registration');
    if (packet.length < batchHeaderBytes) throw new V2Error('a batch is shorter than its header');
    const node = packet.toString('hex', 1, 9);
    const known = this.#muxes.get(node);
    if (known) return known;
    if (this.#muxes.size >= maxNodes) throw new V2Error(`more than ${maxNodes} hubs send streams`);
    const { clock, log, accept } = this.#deps;
    const mux = new Mux(
      { node, epoch: this.#epoch, side: 'agent', maxStreams: this.#maxStreams },
      {
        clock,
        log,
        link: this.#link,
        budget: this.#budget,
        accept: (_tunnel, head, stream) => accept(head, stream),
        onIdle: () => undefined,
        onStrayFrame: () => undefined,
      },
    );
    this.#muxes.set(node, mux);
    return mux;
  }

  /** A hub has ended: nobody waits for what its visitors asked. */
  #gone(packet: Buffer): void {
    if (packet.length < 9) throw new V2Error('a gone packet names no hub');
    const node = packet.toString('hex', 1, 9);
    this.#muxes.get(node)?.close(new AditError('ADIT_VISITOR_GONE', 'the hub of this visitor has ended'));
    this.#muxes.delete(node);
  }

  #session(bytes: Buffer): void {
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
      case 'rejected':
        this.#pending?.reject(new AditError(packet.isFinal ? 'ADIT_REFUSED' : 'ADIT_HUB_BUSY', packet.message));
        return;
      case 'ping':
        // Whoever does not read its answers gets no more of them.
        if (this.#link.isWritable) this.#send({ kind: 'pong', token: packet.token });
        return;
      case 'withdraw':
        this.#deps.log.debug('a tunnel was withdrawn', { reason: packet.reason });
        return;
      case 'pong':
        return;
      default:
        throw new V2Error(`hubs send no ${packet?.kind} packets`);
    }
  }

  #answerHello(): void {
    if (!this.#hello || !this.#pending) return;
    this.#send({
      kind: 'register',
      versions: [2],
      agent: `adit/${version}`,
      limits: { streams: limits.streamCount },
      ...this.#pending.prove(this.#hello.nonce),
    });
  }

  #registered({ epoch, tunnels, limits: peer }: Extract<SessionPacket, { kind: 'registered' }>): void {
    const pending = this.#pending;
    if (!pending || this.#epoch > 0) throw new V2Error('a registration was answered that nobody asked for');
    if (epoch === 0 || epoch > 0xffff_ffff) throw new V2Error(`a session cannot have the epoch ${epoch}`);
    this.#epoch = epoch;
    this.#maxStreams = peer.streams;
    const hostname = tunnels[0]?.hostname;
    this.#deps.onRegistered(hostname);
    pending.resolve(hostname);
  }

  #send(packet: SessionPacket): void {
    this.#link.send(encodeSessionPacket(packet));
  }

  #end(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#heartbeat.stop();
    this.#pending?.reject(closeReason(code, reason));
    const lost = new AditError('ADIT_VISITOR_GONE', 'the connection to the hub was lost');
    for (const mux of this.#muxes.values()) mux.close(lost);
    this.#deps.onClosed(code, reason);
  }
}

function closeReason(code: number, reason: string): AditError {
  if (code === 1013) return new AditError('ADIT_HUB_BUSY', reason || 'the hub asks to try again later');
  if (code === 1008) return new AditError('ADIT_REFUSED', reason || 'the hub gave no reason');
  return new AditError('ADIT_LINK_LOST', `the hub closed the connection (${code}${reason && `: ${reason}`})`);
}
