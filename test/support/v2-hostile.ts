import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '#internal/core/clock';
import { AditError } from '#internal/core/errors';
import { silentLog } from '#internal/core/log';
import type { Stream, StreamHandler } from '#internal/link/stream';
import { V2AgentLink } from '#internal/link/v2/agent-link';
import { V2HubLink } from '#internal/link/v2/hub-link';
import type { PacketLink, PacketLinkHandler } from '#internal/link/v2/packet-link';
import type { WindowBudget } from '#internal/link/v2/receive-window';
import { limits } from '#messages/limits';
import { batchHeaderBytes, encodeSessionPacket, frameTypes, packetKinds, type SessionPacket } from '#messages/v2';
import type { Random } from './random.ts';
import { getHead, responseHead } from './stream-origin.ts';
import { pairClientId, pairNode, TestCluster, TestHub } from './v2-hub.ts';
import { batch, creditFrame, frame, openFrame, readBatch } from './v2-wire.ts';

const claim = { origin: 'http://localhost', nonce: '', session: '', epoch: 0, tunnels: [{ session: '' }] };
const registration = { key: {}, algorithm: 'ES256', signature: '', claim };
const sessionPackets: SessionPacket[] = [
  { kind: 'hello', nonce: 'n', version: '1' },
  { kind: 'register', versions: [2], agent: 'a', limits: { streams: 1_000 }, ...registration },
  {
    kind: 'registered',
    version: 2,
    session: 's',
    epoch: 1,
    tunnels: [{ clientId: pairClientId }],
    limits: { streams: 9 },
    graceMs: 0,
  },
  { kind: 'rejected', code: 'ADIT_REFUSED', message: 'why', isFinal: true },
  { kind: 'withdraw', tunnel: 0, reason: 'replaced' },
  { kind: 'ping', token: 1 },
  { kind: 'pong', token: 1 },
];
const heads = [
  'HTTP/1.1 200 OK\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\n\r\n',
  'GET / HTTP/1.1\r\nA: b\r\n\r\n',
];

const body = Buffer.alloc(300_000);

/** A session with a registered agent or hub at its other end, which then says what it likes. */
export class HostilePeer {
  readonly side: 'hub' | 'agent';
  /** How the session has closed its websocket. */
  readonly closeCodes: number[] = [];
  sentPackets = 0;
  /** What it was given last. */
  lastPacket: Buffer = Buffer.alloc(0);
  readonly #random: Random;
  readonly #ours: V2HubLink | V2AgentLink;
  readonly #hub: TestHub;
  #handler!: PacketLinkHandler;
  #receivedBytes = 0;
  #isWritable = true;
  #seq = 0;
  #ack = 0;
  /** Some break the rules at once, some hardly ever. */
  readonly #wrongness: number;
  #lastId: number;
  #openCount = 0;

  constructor(side: 'hub' | 'agent', random: Random, { clock, windows }: { clock: Clock; windows: WindowBudget }) {
    this.side = side;
    this.#random = random;
    this.#wrongness = random.pick([0.001, 0.01, 0.2]);
    this.#lastId = side === 'hub' ? 0 : -1;
    const connect = (handler: PacketLinkHandler): PacketLink => {
      this.#handler = handler;
      return this.#link();
    };
    this.#hub = new TestHub(pairNode, new TestCluster(clock), windows);
    const deps = { clock, log: silentLog, windows, onClosed: () => undefined };
    this.#ours =
      side === 'hub'
        ? this.#hub.accept(connect)
        : new V2AgentLink(
            {
              ...deps,
              accept: (_head, stream) => this.#handlerOf(stream),
              onRegistered: () => undefined,
              onDrain: () => undefined,
            },
            connect,
          );
  }

  async register(): Promise<void> {
    const [hello, register, registered] = sessionPackets.map(encodeSessionPacket) as [Buffer, Buffer, Buffer];
    if (this.#ours instanceof V2HubLink) this.give(register);
    else {
      const isRegistered = this.#ours.register(() => registration);
      this.give(hello);
      this.give(registered);
      await isRegistered;
    }
    await turn();
  }

  give(packet: Buffer): void {
    this.#receivedBytes += packet.length;
    this.#handler.packet(packet);
  }

  /** The websocket is gone. */
  cut(): void {
    this.#handler.closed(1006, '');
  }

  /** Gives it something: nonsense, or something right with a mistake in it, or something right. */
  attack(): void {
    const random = this.#random;
    if (this.side === 'hub' && random.chance(0.1)) this.#open();
    if (random.chance(0.05)) {
      this.#isWritable = !this.#isWritable;
      if (this.#isWritable) this.#handler.writable();
    }
    const packet = this.#invent();
    this.lastPacket = random.chance(this.#wrongness) ? this.#mutated(packet) : packet;
    this.give(this.lastPacket);
  }

  /** Whether it still answers once its answers are read. */
  answersPing(): boolean {
    this.#isWritable = true;
    const before = this.sentPackets;
    this.give(encodeSessionPacket({ kind: 'ping', token: 7 }));
    return this.sentPackets === before + 1;
  }

  #invent(): Buffer {
    const random = this.#random;
    const choice = random.next();
    if (choice < this.#wrongness / 5) return random.bytes(random.below(60));
    if (choice < this.#wrongness / 3) return encodeSessionPacket(random.pick(sessionPackets));
    if (choice < 0.08 && this.side === 'agent')
      return Buffer.concat([Buffer.from([packetKinds.gone]), random.bytes(14)]);
    const ack = random.chance(0.8) ? this.#ack : random.below(this.#ack + 1);
    if (choice < 0.1) return batch({ kind: packetKinds.resend, seq: this.#seq, ack });
    const epoch = random.chance(0.98) ? 1 : random.below(3);
    const node = random.chance(0.98) ? pairNode : random.bytes(8).toString('hex');
    const seq = random.chance(this.#wrongness / 2) ? random.below(this.#seq + 100) : this.#seq;
    const frames = Buffer.concat(Array.from({ length: random.below(6) }, () => this.#frame()));
    if (node !== pairNode && random.chance(0.9)) return batch({ node, frames });
    if (epoch === 1 && node === pairNode && seq === this.#seq) this.#seq += frames.length;
    return batch({ epoch, node, seq, ack, frames });
  }

  #frame(): Buffer {
    const random = this.#random;
    const newest = Math.max(this.#lastId, 2 * this.#openCount, 1);
    const recent = Math.max(0, newest - random.below(12));
    const id = random.chance(0.8) ? recent : random.pick([1 + random.below(newest), random.below(2 ** 32)]);
    switch (random.below(8)) {
      case 0:
        if (random.chance(this.#wrongness)) return openFrame(id, 'nonsense', random.below(3));
        this.#lastId += 2;
        return openFrame(this.#lastId, random.pick([undefined, 'GET', heads[0]]));
      case 1:
        return frame(frameTypes.head, id, random.pick(heads));
      case 2:
        return frame(frameTypes.data, id, Buffer.alloc(random.chance(0.002) ? 60_000 : random.below(2_000)));
      case 3:
        return creditFrame(id, random.pick([0, 65_536, 200_000, 2 ** 48 - 1]));
      case 4:
        return frame(frameTypes.end, id, random.pick(['', 'A: b\r\n', 'nonsense']));
      case 5:
        return frame(frameTypes.stop, id);
      case 6:
        return frame(frameTypes.reset, id, random.pick(['ADIT_ORIGIN_FAILED\nwhy', '', '\n', '\xff\xfe']));
      default:
        return frame(random.chance(this.#wrongness) ? random.below(256) : 0x80, id, random.bytes(random.below(20)));
    }
  }

  #mutated(packet: Buffer): Buffer {
    const random = this.#random;
    const copy = Buffer.from(packet);
    switch (random.below(4)) {
      case 0:
        return copy.subarray(0, random.below(copy.length + 1));
      case 1:
        return Buffer.concat([copy, random.bytes(random.below(9))]);
      case 2:
        return random.chance(0.02) ? Buffer.alloc(limits.v2Packet + 1, copy) : copy;
      default:
        for (let i = random.below(4); i >= 0 && copy.length > 0; i -= 1) {
          copy[random.below(Math.min(copy.length, 2 * batchHeaderBytes))] = random.below(256);
        }
        return copy;
    }
  }

  #link(): PacketLink {
    const peer = this;
    return {
      send(packet) {
        peer.sentPackets += 1;
        if (packet[0] !== packetKinds.batch) return;
        const { seq, frames } = readBatch(packet);
        peer.#ack = Math.max(peer.#ack, seq + frames.length);
      },
      close: (code) => this.closeCodes.push(code),
      destroy: () => this.closeCodes.push(1006),
      queuedBytes: 0,
      get isWritable() {
        return peer.#isWritable;
      },
      get receivedBytes() {
        return peer.#receivedBytes;
      },
    };
  }

  #open(): void {
    const opener = this.#hub.sessions.opener(pairClientId);
    assert.ok(opener && !(opener instanceof Promise), 'the session serves its tunnel');
    let stream: Stream | undefined;
    const handler = this.#handlerOf({ ...silentStream, consumed: (count) => stream?.consumed(count) });
    stream = opener.open(getHead(), { ...handler, head: () => this.#maybeThrow() });
    this.#openCount += 1;
    this.#act(stream);
  }

  #handlerOf(stream: Stream & { head?: (head: ReturnType<typeof responseHead>) => void }): StreamHandler {
    if (this.#random.chance(0.5)) stream.head?.(responseHead(200));
    this.#act(stream);
    if (this.side === 'agent') this.#maybeThrow();
    return {
      data: ({ length }) => {
        this.#maybeThrow();
        if (this.#random.chance(0.8)) stream.consumed(length);
      },
      ended: () => this.#act(stream),
      drained: () => this.#maybeThrow(0.2),
      stopped: () => this.#maybeThrow(),
      reset: () => this.#maybeThrow(),
    };
  }

  #act(stream: Stream): void {
    const random = this.#random;
    if (random.chance(0.3)) stream.write(body.subarray(0, random.chance(0.5) ? 300_000 : 500));
    if (random.chance(0.3)) stream.end();
    if (random.chance(0.05)) stream.stop();
    if (random.chance(0.05)) stream.reset(new AditError('ADIT_ORIGIN_FAILED', 'why'));
  }

  #maybeThrow(probability = 0.02): void {
    if (this.#random.chance(probability)) throw new Error('a mistake of ours');
  }
}

const silentStream: Stream = {
  write: () => true,
  end: () => undefined,
  stop: () => undefined,
  reset: () => undefined,
  consumed: () => undefined,
};
