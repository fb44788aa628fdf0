import type { Clock } from '#internal/core/clock';
import { Heartbeat } from '#internal/link/heartbeat';
import { RoundTrips } from '#internal/link/round-trips';
import { limits } from '#messages/limits';
import { decodeSessionPacket, encodeSessionPacket, packetKinds, type SessionPacket, V2Error } from '#messages/v2';
import { packetOf } from './packet.ts';
import type { ConnectPackets, PacketLink, PacketLinkHandler } from './packet-link.ts';

/** Whether a session can go on when its websocket has ended. */
export type Ending = 'lost' | 'final';

/** Without a close frame (1006) nobody has meant to go, and after a restart (1012) another hub may know the session. */
export function endingOf(code: number): Ending {
  return code === 1006 || code === 1012 ? 'lost' : 'final';
}

/** What one end makes of what comes. It throws V2Error for what breaks the rules. */
export interface SessionLinkHandler {
  /** A batch of a lane, or the wish to have one again. Its buffer may be used again afterwards. */
  batch(packet: Buffer): void;
  /** The other end knows nothing of a lane. */
  gone(packet: Buffer): void;
  /** Any other packet, except pings and their answers. */
  sessionPacket(packet: SessionPacket): void;
  /** The smoothed round trip, in milliseconds, was measured anew. */
  measured?(ms: number): void;
  writable(): void;
  /** The other end has broken the rules. `closed` follows. */
  broken(reason: string): void;
  /** The websocket is gone; the last call. */
  closed(code: number, reason: string): void;
}

/** One websocket of wire v2 as either end has it: packets told apart, signs of life, and what breaks the rules. */
export class SessionLink implements PacketLinkHandler {
  readonly #handler: SessionLinkHandler;
  readonly #heartbeat: Heartbeat;
  /** What packets of lanes are sent on. */
  readonly packets: PacketLink;
  readonly roundTrips: RoundTrips;
  /** A session is registered, or goes on: packets of lanes may come. */
  isServing = false;
  isClosed = false;

  constructor(clock: Clock, handler: SessionLinkHandler, connect: ConnectPackets) {
    this.#handler = handler;
    this.roundTrips = new RoundTrips(clock);
    this.packets = connect(this);
    this.#heartbeat = new Heartbeat(clock, {
      unheard: () => this.tell(this.roundTrips.ping(this.packets.queuedBytes)),
      dead: () => this.packets.destroy(),
      receivedBytes: () => this.packets.receivedBytes,
    });
  }

  tell(packet: SessionPacket): void {
    this.packets.send(packetOf(encodeSessionPacket(packet)));
  }

  /** There is reason to doubt the connection: it is asked now, and given up unless it answers soon. */
  urge(): void {
    this.#heartbeat.urge();
  }

  /** The other end has broken the rules: it is told, and nothing of it is heard any more. */
  fail(reason: string): void {
    this.#handler.broken(reason);
    this.packets.close(1002, reason);
    this.closed(1002, reason);
  }

  packet(packet: Buffer): void {
    if (this.isClosed) return;
    try {
      if (packet.length > limits.v2Packet) throw new V2Error(`a packet of ${packet.length} bytes is too long`);
      const kind = packet[0];
      const isBatch = kind === packetKinds.batch || kind === packetKinds.resend;
      if (!isBatch && kind !== packetKinds.gone) this.#take(packet);
      else if (!this.isServing) throw new V2Error('streams come after the registration');
      else if (isBatch) this.#handler.batch(packet);
      else this.#handler.gone(packet);
    } catch (thrown) {
      if (!(thrown instanceof V2Error)) throw thrown;
      this.fail(thrown.message);
    }
  }

  writable(): void {
    this.#handler.writable();
  }

  closed(code: number, reason: string): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#heartbeat.stop();
    this.#handler.closed(code, reason);
  }

  #take(bytes: Buffer): void {
    const packet = decodeSessionPacket(bytes);
    // One that is unknown may be passed over.
    if (!packet) return;
    if (packet.kind === 'ping') {
      // Whoever does not read its answers gets no more of them.
      if (this.packets.isWritable) this.tell({ kind: 'pong', token: packet.token });
    } else if (packet.kind === 'pong') {
      if (this.roundTrips.answered(packet.token)) this.#handler.measured?.(this.roundTrips.ms ?? 0);
    } else this.#handler.sessionPacket(packet);
  }
}
