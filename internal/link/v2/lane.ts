import type { Clock } from '#internal/core/clock';
import { limits } from '#messages/limits';
import { batchHeaderBytes, packetKinds, V2Error } from '#messages/v2';
import type { Pace } from './pace.ts';
import { allocatePacket, type Packet } from './packet.ts';
import { acknowledgedOf, encodeGone, epochOf } from './payloads.ts';
import { framesIn, SentPackets } from './sent-packets.ts';

/** How long an acknowledgement may wait for a packet that it can travel with. */
const ackMs = 20;
/** So many bytes are acknowledged at once. */
const ackBytes = 131_072;
/** What was not acknowledged for this long may have been lost. */
const lostMs = 1_000;

export interface LaneOptions {
  /** The hub's name: 16 hexadecimal digits. */
  node: string;
  epoch: number;
  /** The position at which both directions begin; other than 0 when there may have been a lane before. */
  start: number;
  /** The hub says where a lane begins. The streams that it opens have odd numbers, those of agents even ones. */
  side: 'hub' | 'agent';
}

export interface LaneDeps {
  clock: Clock;
  transmit(packet: Packet): void;
  /** Frames, each once and in order. Throws what breaks the wire's rules. */
  deliver(frames: Buffer): void;
  /** Frames are sent once more, so many milliseconds after the last time: what they say of time is outdated. */
  age(frames: Buffer, ms: number): void;
  /** There may be more to send: room, or an acknowledgement. */
  wake(): void;
  /** Nothing is on its way: what is kept only for speed may go. Called once a second at most. */
  rested(): void;
  /** Counts what was lost on the way. */
  onRepair?: OnRepair | undefined;
}

/** Something was missed and `asked` for again, or `sent` again. */
export type OnRepair = (what: 'asked' | 'sent') => void;

/**
 * All frames between one session and one hub, as one sequence of bytes in each direction: numbered, acknowledged, and
 * kept until then, so that nothing is lost with a connection and nothing arrives twice.
 */
export class Lane {
  readonly #node: Buffer;
  readonly #start: number;
  /** Whether the other end knows where the lane begins. */
  #isBegun: boolean;
  #epoch: number;
  readonly #deps: LaneDeps;
  readonly #sent: SentPackets;
  /** The position of the next byte that is expected. */
  #expected: number;
  #unacknowledgedBytes = 0;
  #receivedAt = 0;
  #isAckDue = false;
  #isAckTimed = false;
  #isLossTimed = false;
  #missedSince: number | undefined;
  #repeatedAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor({ node, epoch, start, side }: LaneOptions, deps: LaneDeps) {
    this.#node = Buffer.from(node, 'hex');
    this.#start = this.#expected = start;
    this.#sent = new SentPackets(start);
    this.#isBegun = start === 0 || side === 'agent';
    this.#epoch = epoch;
    this.#deps = deps;
  }

  /** How fast the way is, and how much may be on it. */
  get pace(): Pace {
    return this.#sent.pace;
  }

  /** The position behind the last byte that was sent. */
  get sentPosition(): number {
    return this.#sent.next;
  }

  /** Bytes that may be sent now. What can't wait is sent without room, too. */
  get room(): number {
    return this.#sent.room;
  }

  /** Whether there is room for a long piece. If not, `wake` is called once there is. */
  get hasRoom(): boolean {
    return this.#sent.hasRoom;
  }

  /** Bytes that are kept until they are acknowledged. */
  get keptBytes(): number {
    return this.#sent.keptBytes;
  }

  /** Frames that may not have arrived, as they were sent. */
  get unacknowledged(): Buffer[] {
    return this.#sent.frames;
  }

  /** Whether an acknowledgement should go even if there is nothing that it can travel with. */
  get isAckDue(): boolean {
    return this.#isAckDue;
  }

  /** Where the frames of the next batch may be put together. What is sent from here is not copied again. */
  get target(): Buffer {
    return this.#sent.target;
  }

  /** Sends whole frames, or with none an acknowledgement. The buffer may be used again afterwards, unless it is `target`. */
  send(frames: Buffer): void {
    if (this.#isAckDue) this.begin();
    const packet = this.#sent.packetFor(frames);
    this.#writeHeader(packet, packetKinds.batch, this.#sent.next);
    if (frames.length > 0) {
      this.#sent.add(packet, frames.length, this.#deps.clock.now());
      this.#watchLoss();
    }
    this.#deps.transmit(packet);
  }

  /** Takes a packet of kind `batch` or `resend`. Throws {@link V2Error}. */
  receive(packet: Buffer): void {
    if (packet.length < batchHeaderBytes) throw new V2Error('a batch is shorter than its header');
    const epoch = epochOf(packet);
    if (epoch !== this.#epoch) {
      // Whoever has missed that the session goes on learns it from our answer.
      if (epoch < this.#epoch) this.#dueNow();
      return;
    }
    const length = packet.readUIntBE(26, 3);
    if (packet.length !== batchHeaderBytes + length) throw new V2Error('a batch is not as long as it says');
    if (length > limits.v2Batch) throw new V2Error(`a batch of ${length} bytes is too long`);
    const acknowledged = acknowledgedOf(packet);
    this.#isBegun ||= acknowledged >= this.#start && acknowledged <= this.#sent.next;
    if (!this.#isBegun) {
      // What comes is still about the lane before. Its sender learns of this one with the acknowledgement.
      this.#dueNow();
      return;
    }
    if (this.#sent.acknowledge(acknowledged, packet[25] as number, this.#deps.clock.now())) this.#deps.wake();
    if (this.keptBytes > limits.laneKept) throw new V2Error('what was sent is not acknowledged');
    if (packet[0] === packetKinds.resend) this.#sendAgain();
    else this.#accept(packet, packet.readUIntBE(13, 6), length);
  }

  /** Says where the lane begins, unless that is known: the other end may remember one that there was before. */
  begin(): void {
    if (!this.#isBegun) this.#deps.transmit(encodeGone(this.#node.toString('hex'), this.#start));
  }

  /** Goes on over another connection. Both ends say where they stand; whoever misses something asks for it. */
  resume(epoch: number): void {
    this.#epoch = epoch;
    this.#forgetRepairs();
    this.#sent.changeWay(this.#deps.clock.now());
    this.begin();
    this.#transmitEmpty(packetKinds.batch, this.#sent.next);
    this.#deps.wake();
  }

  /** Finds out at once what is missing here or there: what was on its way may be lost. */
  check(): void {
    if (this.#sent.next === this.#start) return;
    this.#forgetRepairs();
    this.begin();
    this.#askWhereItStands();
  }

  close(): void {
    this.#isClosed = true;
    this.#sent.clear();
  }

  /** What was asked for or sent again may be lost as well. */
  #forgetRepairs(): void {
    this.#missedSince = undefined;
    this.#repeatedAt = Number.NEGATIVE_INFINITY;
  }

  /** Whoever has all that was sent knows this byte, and says so and where its own end stands; else it asks again. */
  #askWhereItStands(): void {
    this.#transmitEmpty(packetKinds.batch, this.#sent.next - 1);
  }

  #transmitEmpty(kind: number, seq: number): void {
    const packet = allocatePacket(batchHeaderBytes);
    this.#writeHeader(packet, kind, seq);
    this.#deps.transmit(packet);
  }

  #writeHeader(packet: Buffer, kind: number, seq: number): void {
    packet[0] = kind;
    this.#node.copy(packet, 1);
    packet.writeUInt32BE(this.#epoch, 9);
    packet.writeUIntBE(seq, 13, 6);
    packet.writeUIntBE(this.#expected, 19, 6);
    const delayMs = this.#unacknowledgedBytes > 0 ? this.#deps.clock.now() - this.#receivedAt : 0;
    packet[25] = Math.min(delayMs, 255);
    packet.writeUIntBE(packet.length - batchHeaderBytes, 26, 3);
    this.#isAckDue = false;
    this.#unacknowledgedBytes = 0;
  }

  #accept(packet: Buffer, seq: number, length: number): void {
    if (seq > this.#expected) {
      this.#askAgain();
      return;
    }
    const known = this.#expected - seq;
    if (known >= length) {
      // A repetition, or an empty batch from before: the other end has missed our word.
      if (known > 0) this.#dueNow();
      return;
    }
    this.#missedSince = undefined;
    this.#expected = seq + length;
    this.#unacknowledgedBytes += length - known;
    this.#receivedAt = this.#deps.clock.now();
    if (this.#unacknowledgedBytes >= ackBytes) this.#dueNow();
    else this.#dueSoon();
    this.#deps.deliver(packet.subarray(batchHeaderBytes + known));
  }

  #dueNow(): void {
    this.#isAckDue = true;
    this.#deps.wake();
  }

  #dueSoon(): void {
    if (this.#isAckTimed) return;
    this.#isAckTimed = true;
    this.#deps.clock.after(ackMs, () => {
      this.#isAckTimed = false;
      if (this.#unacknowledgedBytes > 0 && !this.#isClosed) this.#dueNow();
    });
  }

  /** Something between what we have and this is missing. Asked once, and again when nothing has come of it. */
  #askAgain(): void {
    const now = this.#deps.clock.now();
    if (this.#missedSince !== undefined && now - this.#missedSince < lostMs) return;
    this.#missedSince = now;
    this.#deps.onRepair?.('asked');
    this.#transmitEmpty(packetKinds.resend, this.#sent.next);
  }

  #sendAgain(): void {
    const now = this.#deps.clock.now();
    // Whoever misses something asks again after a second, so nothing is lost by not hearing it sooner.
    if (now - this.#repeatedAt < lostMs / 2) return;
    this.#repeatedAt = now;
    if (this.#sent.keptBytes > 0) this.#deps.onRepair?.('sent');
    for (const { packet, ageMs } of this.#sent.again(now)) {
      this.#deps.age(framesIn(packet), ageMs);
      packet.writeUInt32BE(this.#epoch, 9);
      this.#deps.transmit(packet);
    }
  }

  /** If the last packets were lost, or what acknowledged them, there is none behind that would show it. */
  #watchLoss(delayMs = lostMs): void {
    if (this.#isLossTimed) return;
    this.#isLossTimed = true;
    this.#deps.clock.after(delayMs, () => {
      this.#isLossTimed = false;
      const sentAt = this.#sent.oldestSentAt;
      if (sentAt === undefined) this.#rest();
      if (sentAt === undefined || this.#isClosed) return;
      const leftMs = lostMs - (this.#deps.clock.now() - sentAt);
      if (leftMs <= 0) this.#askWhereItStands();
      this.#watchLoss(leftMs > 0 ? leftMs : lostMs);
    });
  }

  #rest(): void {
    this.#sent.clearSpare();
    this.#deps.rested();
  }
}
