import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock, Stop } from '#internal/core/clock';
import { AditError, messageOf } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import { version } from '#internal/core/version';
import type { RoundTrips } from '#internal/link/round-trips';
import { limits } from '#messages/limits';
import {
  type AgentState,
  batchHeaderBytes,
  type Proof,
  type SessionPacket,
  sessionUnknown,
  V2Error,
} from '#messages/v2';
import { HubProbes, type HubProbesDeps } from './hub-probes.ts';
import type { Packet } from './packet.ts';
import type { ConnectPackets, SendingLink } from './packet-link.ts';
import { encodeGone } from './payloads.ts';
import { type Ending, endingOf, SessionLink, type SessionLinkHandler } from './session-link.ts';

/** An agent that has not registered by then is closed. The nonce that it signs is good for as long. */
const registrationMs = 10_000;
/** Packets for an agent that has yet to hear that it is registered. */
const heldPackets = 256;

/** What an agent asks for, and how it proves that it may. */
export interface V2Registration extends Proof {
  /** How many streams it takes. */
  maxStreams: number;
  hubNonce: string;
}

/** One registered tunnel; without a hostname when the hub has no domain. */
export interface RegisteredTunnel {
  clientId: string;
  hostname: string | undefined;
}

/** How a session goes on. */
export interface Resumed {
  epoch: number;
  /** Of its first tunnel. */
  hostname: string | undefined;
}

export interface V2HubLinkOptions {
  /** How long a session outlives its connection. */
  graceMs: number;
}

export interface V2HubLinkDeps {
  clock: Clock;
  log: Log;
  /** Decides on a registration. Throws ADIT_REFUSED for good, or ADIT_HUB_BUSY for now. */
  register(registration: V2Registration, link: V2HubLink): Promise<readonly RegisteredTunnel[]>;
  /** The same for a session that goes on here: undefined when there is none to go on with. */
  resume(registration: V2Registration, link: V2HubLink): Promise<Resumed | undefined>;
  /** The agent has been told: its streams may be opened. */
  onServing(link: V2HubLink): void;
  /** A batch for the streams of a hub. Throws {@link V2Error}. */
  onBatch(link: V2HubLink, packet: Buffer): void;
  /** The agent knows nothing of the lane on which a hub has sent something. Throws V2Error. */
  onLaneGone(link: V2HubLink, packet: Buffer): void;
  onWritable(link: V2HubLink): void;
  /** Requests the session's first tunnel at its public address. Never rejects. */
  probe(link: V2HubLink, nonce: string): ReturnType<HubProbesDeps['probe']>;
  /** The agent says how it is; that it changes is for its owner to see. */
  onStatus(link: V2HubLink): void;
  /** The agent wants no more streams. Resolves once it gets none from this hub. */
  onGoodbye(link: V2HubLink): Promise<void>;
  /** The websocket is gone; called once. */
  onClosed(link: V2HubLink, ending: Ending): void;
}

/** The hub's end of one websocket that speaks wire v2: what it carries is for the lanes of this hub and of others. */
export class V2HubLink implements SessionLinkHandler, SendingLink {
  /** Names the session among those of all hubs: a new one, or the one that goes on here. */
  id = randomUUID() as string;
  readonly #options: V2HubLinkOptions;
  readonly #deps: V2HubLinkDeps;
  readonly #link: SessionLink;
  #nonce = '';
  #greetedAt = 0;
  /** How long our greeting took to be answered: the way there and back, and a signature. */
  rttMs = Number.POSITIVE_INFINITY;
  #stopTimer: Stop;
  #isAsking = false;
  #isLeaving = false;
  readonly #held: Packet[] = [];
  #ending: Ending | undefined;
  /** How the agent says that it is. */
  state: AgentState = 'online';
  stateReason = '';
  readonly #probes: HubProbes;

  constructor(options: V2HubLinkOptions, deps: V2HubLinkDeps, connect: ConnectPackets) {
    this.#options = options;
    this.#deps = deps;
    this.#link = new SessionLink(deps.clock, this, connect);
    this.#probes = new HubProbes({
      clock: deps.clock,
      probe: (nonce) => deps.probe(this, nonce),
      answer: (nonce, result) => this.#link.tell({ kind: 'probed', nonce, ...result }),
    });
    this.#stopTimer = deps.clock.after(registrationMs, () => {
      // Whoever waits for our answer is not at fault.
      if (this.#isAsking) this.close(1013, 'the hub could not decide within 10 seconds', 'lost');
      else this.close(1008, 'no registration within 10 seconds');
    });
    this.#greet();
  }

  /** Sends a packet of a lane. One that comes before the agent knows of its registration waits for that. */
  send(packet: Packet, sent?: () => void): void {
    if (this.#link.isServing) this.#link.packets.send(packet, sent);
    // What is dropped is asked for again.
    else if (this.#held.length < heldPackets) this.#held.push(packet);
  }

  get isWritable(): boolean {
    return this.#link.packets.isWritable;
  }

  get isClosed(): boolean {
    return this.#link.isClosed;
  }

  get roundTrips(): RoundTrips {
    return this.#link.roundTrips;
  }

  /** Tells that no stream comes from this hub any more, nor is one waited for. */
  sendGone(node: string): void {
    if (this.isWritable) this.send(encodeGone(node));
  }

  /** Tells that a newer registration has taken a tunnel, if the agent knows of its own by now. */
  sendWithdraw(tunnel: number): void {
    if (this.#link.isServing) this.#link.tell({ kind: 'withdraw', tunnel, reason: 'replaced' });
  }

  /** Asks the agent to go on at another hub. */
  sendDrain(msLeft: number): void {
    this.#link.tell({ kind: 'drain', msLeft });
  }

  /** Says goodbye. The session ends with it, unless this hub alone does (1012), or it is told to try again. */
  close(code: number, reason: string, ending = endingOf(code)): void {
    // What was said first is what the agent hears.
    this.#ending ??= ending;
    this.#stopTimer();
    this.#link.packets.close(code, reason);
  }

  /** Drops the connection without a word. */
  destroy(): void {
    this.#link.packets.destroy();
  }

  /** The agent has broken the rules. */
  fail(reason: string): void {
    this.#link.fail(reason);
  }

  broken(reason: string): void {
    this.#deps.log.info('an agent broke the rules of wire v2', { reason });
  }

  writable(): void {
    this.#deps.onWritable(this);
  }

  closed(code: number): void {
    this.#stopTimer();
    this.#deps.onClosed(this, this.#ending ?? endingOf(code));
  }

  batch(packet: Buffer): void {
    if (packet.length < batchHeaderBytes) throw new V2Error('a batch is shorter than its header');
    this.#deps.onBatch(this, packet);
  }

  gone(packet: Buffer): void {
    this.#deps.onLaneGone(this, packet);
  }

  sessionPacket(packet: SessionPacket): void {
    switch (packet.kind) {
      case 'register':
        this.#ask(() => this.#register(packet));
        return;
      case 'resume':
        this.#ask(() => this.#resume(packet));
        return;
      case 'probe':
        if (this.isWritable) void this.#probes.asked(packet.nonce);
        return;
      case 'status':
        if (packet.state === this.state) return;
        this.state = packet.state;
        this.stateReason = packet.reason;
        this.#deps.onStatus(this);
        return;
      case 'goodbye':
        // It counts however much waits to be sent, and is answered once, whether or not the answer is read.
        if (this.#isLeaving) return;
        this.#isLeaving = true;
        void this.#deps.onGoodbye(this).then(() => this.#link.tell({ kind: 'goodbye', reason: packet.reason }));
        return;
      default:
        throw new V2Error(`agents send no ${packet.kind} packets`);
    }
  }

  #ask(answer: () => Promise<void>): void {
    if (this.#isAsking) throw new V2Error('a session registers once');
    this.#isAsking = true;
    this.rttMs = this.#deps.clock.now() - this.#greetedAt;
    void answer().catch((error: unknown) => this.#refuse(error));
  }

  async #register(request: Extract<SessionPacket, { kind: 'register' }>): Promise<void> {
    if (!request.versions.includes(2)) {
      const older = request.versions.every((wire) => wire > 2) ? 'hub' : 'agent';
      throw new AditError('ADIT_REFUSED', `this hub speaks version 2 of the wire: upgrade the ${older}`);
    }
    const maxStreams = Math.min(request.limits.streams, limits.streamCount);
    const tunnels = await this.#deps.register({ ...request, maxStreams, hubNonce: this.#nonce }, this);
    if (this.isClosed) return;
    for (const { clientId } of tunnels) this.#deps.log.info('agent registered', { clientId });
    this.#serve({
      kind: 'registered',
      version: 2,
      session: this.id,
      epoch: 1,
      tunnels: tunnels.map(({ clientId, hostname }) => ({ clientId, ...(hostname === undefined ? {} : { hostname }) })),
      limits: { streams: limits.streamCount },
      graceMs: this.#options.graceMs,
    });
  }

  async #resume(request: Extract<SessionPacket, { kind: 'resume' }>): Promise<void> {
    const resumed = await this.#deps.resume({ ...request, maxStreams: 0, hubNonce: this.#nonce }, this);
    if (this.isClosed) return;
    if (resumed) {
      const { epoch, hostname = '' } = resumed;
      this.#serve({ kind: 'resumed', epoch, hostname });
      return;
    }
    const message = 'this hub does not know the session any more: register anew';
    this.#link.tell({ kind: 'rejected', code: sessionUnknown, message, isFinal: false });
    this.#isAsking = false;
    this.#greet();
  }

  #greet(): void {
    this.#greetedAt = this.#deps.clock.now();
    this.#nonce = randomBytes(32).toString('base64url');
    this.#link.tell({ kind: 'hello', nonce: this.#nonce, version });
  }

  #serve(answer: SessionPacket): void {
    this.#stopTimer();
    this.#link.isServing = true;
    this.#link.tell(answer);
    for (const packet of this.#held.splice(0)) this.#link.packets.send(packet);
    this.#deps.onServing(this);
  }

  #refuse(error: unknown): void {
    const code = error instanceof AditError ? error.code : undefined;
    if (code === undefined) this.#deps.log.error('registration failed', { error: messageOf(error) });
    else this.#deps.log.info('registration refused', { reason: messageOf(error) });
    const message = code === undefined ? 'the hub made a mistake' : messageOf(error);
    const isFinal = code === 'ADIT_REFUSED' || code === 'ADIT_REPLACED';
    this.#link.tell({ kind: 'rejected', code: code ?? 'ADIT_INTERNAL', message, isFinal });
    this.close(code === 'ADIT_HUB_BUSY' ? 1013 : isFinal ? 1008 : 1011, message, isFinal ? 'final' : 'lost');
  }
}
