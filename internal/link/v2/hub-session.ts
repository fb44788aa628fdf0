import { randomBytes, randomUUID } from 'node:crypto';
import type { JWK } from 'jose';
import type { Clock, Stop } from '#internal/core/clock';
import { AditError, messageOf } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import { version } from '#internal/core/version';
import { Heartbeat } from '#internal/link/heartbeat';
import type { StreamOpener } from '#internal/link/stream';
import { limits } from '#messages/limits';
import {
  batchHeaderBytes,
  decodeSessionPacket,
  encodeSessionPacket,
  packetKinds,
  type RegistrationClaim,
  type SessionPacket,
  V2Error,
} from '#messages/v2';
import { Mux } from './mux.ts';
import type { ConnectPackets, PacketLink, PacketLinkHandler } from './packet-link.ts';
import { WindowBudget } from './receive-window.ts';

/** An agent that has not registered by then is closed. The nonce that it signs is good for as long. */
const registrationMs = 10_000;

/** What an agent asks for, and how it proves that it may. */
export interface V2Registration {
  key: JWK;
  algorithm: string;
  signature: string;
  claim: RegistrationClaim;
  hubNonce: string;
}

/** One registered tunnel; without a hostname when the hub has no domain. */
export interface RegisteredTunnel {
  clientId: string;
  hostname: string | undefined;
}

export interface V2HubSessionOptions {
  /** This hub's name on the wire: 16 hexadecimal digits. */
  node: string;
  /** How long the head of a response may take. */
  timeoutMs: number;
}

export interface V2HubSessionDeps {
  clock: Clock;
  log: Log;
  /** What may be granted to the streams of this process. */
  windows: WindowBudget;
  /** Decides on a registration. Throws ADIT_REFUSED for good, or ADIT_HUB_BUSY for now. */
  register(registration: V2Registration, session: V2HubSession): RegisteredTunnel[] | Promise<RegisteredTunnel[]>;
  /** The websocket is gone; called once. */
  onClosed(session: V2HubSession): void;
  /** Counts what came for a stream that has ended. */
  onStrayAnswer(): void;
}

const epoch = 1;

/** The hub's end of one websocket that speaks wire v2. */
export class V2HubSession implements PacketLinkHandler {
  /** Names this session among all of all hubs. */
  readonly id = randomUUID();
  readonly #options: V2HubSessionOptions;
  readonly #deps: V2HubSessionDeps;
  readonly #nonce = randomBytes(32).toString('base64url');
  readonly #link: PacketLink;
  readonly #heartbeat: Heartbeat;
  readonly #openers = new Map<string, StreamOpener>();
  /** In the order of the registration. Those that were taken over stay, since their index is their name on the wire. */
  #tunnels: RegisteredTunnel[] = [];
  #mux: Mux | undefined;
  #stopTimer: Stop;
  #isRegistering = false;
  #isRetired = false;
  isClosed = false;

  constructor(options: V2HubSessionOptions, deps: V2HubSessionDeps, connect: ConnectPackets) {
    this.#options = options;
    this.#deps = deps;
    this.#link = connect(this);
    this.#heartbeat = new Heartbeat(deps.clock, {
      quiet: () => undefined,
      unheard: () => this.#send({ kind: 'ping', token: 0 }),
      dead: () => this.#link.destroy(),
      receivedBytes: () => this.#link.receivedBytes,
    });
    this.#stopTimer = deps.clock.after(registrationMs, () => this.close(1008, 'no registration within 10 seconds'));
    this.#send({ kind: 'hello', nonce: this.#nonce, version });
  }

  /** The client ids that this session serves now. */
  get clientIds(): Iterable<string> {
    return this.#openers.keys();
  }

  /** Where streams to one of the session's tunnels are opened. */
  opener(clientId: string): StreamOpener | undefined {
    return this.#openers.get(clientId);
  }

  /** Stops serving an id that a newer registration has taken. With its last one, and the last stream, the session ends. */
  withdraw(clientId: string): void {
    if (!this.#openers.delete(clientId)) return;
    const tunnel = this.#tunnels.findIndex((registered) => registered.clientId === clientId);
    this.#send({ kind: 'withdraw', tunnel, reason: 'replaced' });
    if (this.#openers.size > 0) return;
    this.#isRetired = true;
    this.#stopTimer();
    this.#stopTimer = this.#deps.clock.after(this.#options.timeoutMs, () => this.#closeIfRetired());
    if (this.#mux?.streamCount === 0) this.#closeIfRetired();
  }

  close(code: number, reason: string): void {
    this.#stopTimer();
    this.#link.close(code, reason);
  }

  packet(packet: Buffer): void {
    if (this.isClosed) return;
    try {
      if (packet.length > limits.v2Packet) throw new V2Error(`a packet of ${packet.length} bytes is too long`);
      if (packet[0] === packetKinds.batch || packet[0] === packetKinds.resend) this.#batch(packet);
      else this.#session(packet);
    } catch (thrown) {
      if (!(thrown instanceof V2Error)) throw thrown;
      this.#deps.log.info('an agent broke the rules of wire v2', { reason: thrown.message });
      this.#end(new AditError('ADIT_LINK_LOST', 'the connection to the agent broke off'));
      this.close(1002, thrown.message);
    }
  }

  writable(): void {
    this.#mux?.wake();
  }

  closed(): void {
    this.#end(new AditError('ADIT_LINK_LOST', 'the connection to the agent was lost', { retryAfterSeconds: 1 }));
  }

  #batch(packet: Buffer): void {
    if (!this.#mux) throw new V2Error('streams come after the registration');
    if (packet.length < batchHeaderBytes) throw new V2Error('a batch is shorter than its header');
    if (packet.toString('hex', 1, 9) === this.#options.node) this.#mux.receive(packet);
    else if (this.#link.isWritable)
      this.#link.send(Buffer.concat([Buffer.from([packetKinds.gone]), packet.subarray(1, 9)]));
  }

  #session(bytes: Buffer): void {
    const packet = decodeSessionPacket(bytes);
    switch (packet?.kind) {
      case undefined: // Unknown, and may be passed over.
        return;
      case 'register':
        if (this.#isRegistering) throw new V2Error('a session registers once');
        this.#isRegistering = true;
        void this.#register(packet);
        return;
      case 'ping':
        // Whoever does not read its answers gets no more of them.
        if (this.#link.isWritable) this.#send({ kind: 'pong', token: packet.token });
        return;
      case 'pong':
        return;
      default:
        throw new V2Error(`agents send no ${packet?.kind} packets`);
    }
  }

  async #register(request: Extract<SessionPacket, { kind: 'register' }>): Promise<void> {
    try {
      if (!request.versions.includes(2)) {
        throw new AditError('ADIT_REFUSED', 'this hub speaks version 2 of the wire: upgrade the agent');
      }
      const { key, algorithm, signature, claim } = request;
      const registration = { key, algorithm, signature, claim, hubNonce: this.#nonce };
      this.#tunnels = await this.#deps.register(registration, this);
      if (this.isClosed) return;
      this.#stopTimer();
      this.#serve(Math.min(request.limits.streams, limits.streamCount));
    } catch (error) {
      const code = error instanceof AditError ? error.code : undefined;
      if (code === undefined) this.#deps.log.error('registration failed', { error: messageOf(error) });
      else this.#deps.log.info('registration refused', { reason: messageOf(error) });
      const message = code === undefined ? 'the hub made a mistake' : messageOf(error);
      this.#send({ kind: 'rejected', code: code ?? 'ADIT_INTERNAL', message, isFinal: code === 'ADIT_REFUSED' });
      this.close(code === 'ADIT_HUB_BUSY' ? 1013 : code === 'ADIT_REFUSED' ? 1008 : 1011, message);
    }
  }

  #serve(maxStreams: number): void {
    const { clock, log, windows, onStrayAnswer } = this.#deps;
    const { node, timeoutMs } = this.#options;
    const mux = new Mux(
      { node, epoch, side: 'hub', maxStreams },
      {
        clock,
        log,
        link: this.#link,
        budget: new WindowBudget(limits.sessionWindows, windows),
        accept: () => {
          throw new AditError('ADIT_BAD_REQUEST', 'this hub opens streams, and takes none');
        },
        // What the last stream ended with is still to be sent.
        onIdle: () => setImmediate(() => this.#closeIfRetired()),
        onStrayFrame: onStrayAnswer,
      },
    );
    this.#mux = mux;
    for (const [tunnel, { clientId }] of this.#tunnels.entries()) {
      this.#openers.set(clientId, {
        session: this.id,
        isTransparent: true,
        open: (head, handler) => mux.open(tunnel, head, timeoutMs, handler),
      });
      log.info('agent registered', { clientId });
    }
    this.#send({
      kind: 'registered',
      version: 2,
      session: this.id,
      epoch,
      tunnels: this.#tunnels.map(({ clientId, hostname }) => ({
        clientId,
        ...(hostname === undefined ? {} : { hostname }),
      })),
      limits: { streams: limits.streamCount },
    });
  }

  #send(packet: SessionPacket): void {
    this.#link.send(encodeSessionPacket(packet));
  }

  #closeIfRetired(): void {
    if (this.#isRetired) this.close(1008, 'replaced');
  }

  #end(reason: AditError): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#stopTimer();
    this.#heartbeat.stop();
    this.#mux?.close(reason);
    this.#deps.onClosed(this);
  }
}
