import type { Clock } from '#internal/core/clock';
import { limits } from '#messages/limits';
import { batchHeaderBytes, packetKinds, V2Error } from '#messages/v2';
import { Pace } from './pace.ts';
import { encodeGone } from './payloads.ts';
import { SpareBuffers } from './spare-buffers.ts';

/** How long an acknowledgement may wait for a packet that it can travel with. */
const ackMs = 20;
/** So many bytes are acknowledged at once. */
const ackBytes = 131_072;
/** So much in a row tells how fast the way is. */
const burstBytes = 98_304;
const fewBytes = 16_384;
/** What a clock can tell apart. */
const minMs = 0.05;
/** What was not acknowledged for this long may have been lost. */
const lostMs = 1_000;
/** From here on a packet takes a whole buffer, so that it can be used again. */
const longBytes = limits.v2BatchSent / 2;
/** Buffers that wait to be used again: acknowledgements come in lumps. */
const maxSpare = 32;
/** Where frames are put together when there is no such buffer. They are copied from here, so one does for all lanes. */
const scratch = Buffer.allocUnsafe(limits.v2BatchSent);

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
  transmit(packet: Buffer): void;
  /** Frames, each once and in order. Throws what breaks the wire's rules. */
  deliver(frames: Buffer): void;
  /** Frames are sent once more, so many milliseconds after the last time: what they say of time is outdated. */
  age(frames: Buffer, ms: number): void;
  /** There may be more to send: room, or an acknowledgement. */
  wake(): void;
  /** Counts what was lost on the way. */
  onRepair?: OnRepair | undefined;
}

/** Something was missed and `asked` for again, or `sent` again. */
export type OnRepair = (what: 'asked' | 'sent') => void;

interface Sent {
  packet: Buffer;
  /** The position behind its last byte. */
  end: number;
  sentAt: number;
  /** What had been acknowledged when it was sent, and since when. */
  acknowledgedBefore: number;
  acknowledgedAt: number;
  wasFull: boolean;
  /** Sent more than once: which time was acknowledged is not known. */
  isRepeated: boolean;
}

/**
 * All frames between one session and one hub, as one sequence of bytes in each direction: numbered, acknowledged, and
 * kept until then, so that nothing is lost with a connection and nothing arrives twice.
 */
export class Lane {
  pace = new Pace();
  readonly #node: Buffer;
  readonly #start: number;
  /** Whether the other end knows where the lane begins. */
  #isBegun: boolean;
  #epoch: number;
  readonly #deps: LaneDeps;
  readonly #sent: Sent[] = [];
  /**
   * Buffers of long packets that were acknowledged. They stay in this lane, since an acknowledgement that comes too early
   * must not let anybody read what is another one's.
   */
  readonly #spare = new SpareBuffers(batchHeaderBytes + limits.v2BatchSent, maxSpare);
  /** Positions: of the next byte to send, of the first one not acknowledged, of the next one expected. */
  #next = 0;
  #acknowledged = 0;
  #expected = 0;
  #acknowledgedAt = 0;
  /** The first acknowledgement of what was sent without a break: when it came, and its position. */
  #burst = { at: Number.NEGATIVE_INFINITY, position: 0 };
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
    this.#start = this.#next = this.#acknowledged = this.#expected = start;
    this.#isBegun = start === 0 || side === 'agent';
    this.#epoch = epoch;
    this.#deps = deps;
  }

  /** The position behind the last byte that was sent. */
  get sentPosition(): number {
    return this.#next;
  }

  /** Bytes that may be sent now. What can't wait is sent without room, too. */
  get room(): number {
    return this.pace.window - this.keptBytes;
  }

  /** Bytes that are kept until they are acknowledged. */
  get keptBytes(): number {
    return this.#next - this.#acknowledged;
  }

  /** Frames that may not have arrived, as they were sent. */
  get unacknowledged(): Buffer[] {
    return this.#sent.map(({ packet }) => packet.subarray(batchHeaderBytes));
  }

  /** Whether an acknowledgement should go even if there is nothing that it can travel with. */
  get isAckDue(): boolean {
    return this.#isAckDue;
  }

  /** Where the frames of the next batch may be put together. What is sent from here is not copied again. */
  get target(): Buffer {
    return this.#spare.next?.subarray(batchHeaderBytes) ?? scratch;
  }

  /** Sends whole frames, or with none an acknowledgement. The buffer may be used again afterwards, unless it is `target`. */
  send(frames: Buffer): void {
    const packet = this.#packetFor(frames);
    this.#writeHeader(packet, packetKinds.batch, this.#next);
    if (frames.length > 0) this.#keep(packet, frames.length);
    this.#deps.transmit(packet);
  }

  /** Takes a packet of kind `batch` or `resend`. Throws {@link V2Error}. */
  receive(packet: Buffer): void {
    if (packet.length < batchHeaderBytes) throw new V2Error('a batch is shorter than its header');
    const epoch = packet.readUInt32BE(9);
    if (epoch !== this.#epoch) {
      // Whoever has missed that the session goes on learns it from our answer.
      if (epoch < this.#epoch) this.#dueNow();
      return;
    }
    const length = packet.readUIntBE(26, 3);
    if (packet.length !== batchHeaderBytes + length) throw new V2Error('a batch is not as long as it says');
    if (length > limits.v2Batch) throw new V2Error(`a batch of ${length} bytes is too long`);
    const acknowledged = packet.readUIntBE(19, 6);
    this.#isBegun ||= acknowledged >= this.#start && acknowledged <= this.#next;
    if (!this.#isBegun) {
      // What comes is still about the lane before.
      this.begin();
      this.#transmitEmpty(packetKinds.batch, this.#next);
      return;
    }
    this.#acknowledge(acknowledged, packet[25] as number);
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
    this.pace = new Pace();
    this.#missedSince = undefined;
    this.#repeatedAt = Number.NEGATIVE_INFINITY;
    for (const sent of this.#sent) sent.isRepeated = true;
    this.#acknowledgedAt = this.#deps.clock.now();
    this.begin();
    this.#transmitEmpty(packetKinds.batch, this.#next);
    this.#deps.wake();
  }

  close(): void {
    this.#isClosed = true;
    this.#sent.length = 0;
    this.#spare.clear();
  }

  /** A packet with these frames, and room for the header. */
  #packetFor(frames: Buffer): Buffer {
    const byteCount = batchHeaderBytes + frames.length;
    const isInPlace = frames.buffer === this.#spare.next?.buffer;
    const isLong = frames.length >= longBytes;
    const packet = isLong ? this.#spare.take().subarray(0, byteCount) : Buffer.allocUnsafe(byteCount);
    if (!isLong || !isInPlace) frames.copy(packet, batchHeaderBytes);
    return packet;
  }

  #transmitEmpty(kind: number, seq: number): void {
    const packet = Buffer.allocUnsafe(batchHeaderBytes);
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

  #keep(packet: Buffer, length: number): void {
    const sentAt = this.#deps.clock.now();
    if (this.#sent.length === 0) this.#acknowledgedAt = sentAt;
    const wasFull = this.room < this.pace.window / 2;
    this.#next += length;
    this.#sent.push({
      packet,
      end: this.#next,
      sentAt,
      acknowledgedBefore: this.#acknowledged,
      acknowledgedAt: this.#acknowledgedAt,
      wasFull,
      isRepeated: false,
    });
    this.#watchLoss();
  }

  #acknowledge(position: number, delayMs: number): void {
    if (position > this.#next) throw new V2Error('what was never sent is acknowledged');
    if (position <= this.#acknowledged) return;
    this.#acknowledged = position;
    let last: Sent | undefined;
    while (this.#sent[0] && this.#sent[0].end <= position) {
      last = this.#sent.shift() as Sent;
      // One that was sent twice may still be on its way the second time.
      if (!last.isRepeated) this.#spare.give(last.packet);
    }
    if (last && !last.isRepeated) {
      const now = this.#deps.clock.now();
      this.#followBurst(last, now - delayMs);
      const byteCount = position - last.acknowledgedBefore;
      this.#acknowledgedAt = now;
      this.pace.acknowledged(now, {
        rttMs: now - last.sentAt - delayMs,
        // Acknowledgements come in lumps, so what was delivered counts from the last one that was known then.
        // A few of them alone say nothing of how fast the way is.
        bytesPerMs: last.wasFull || byteCount >= fewBytes ? byteCount / Math.max(now - last.acknowledgedAt, minMs) : 0,
        wasFull: last.wasFull,
      });
    }
    this.#deps.wake();
  }

  /** What was sent before the burst's first packet had come out at the other end did not wait for that: only for the way. */
  #followBurst({ sentAt, end }: Sent, outAt: number): void {
    if (sentAt > this.#burst.at) this.#burst = { at: outAt, position: end };
    const byteCount = end - this.#burst.position;
    if (byteCount >= burstBytes) this.pace.burst(outAt, byteCount / Math.max(outAt - this.#burst.at, minMs));
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
    this.#transmitEmpty(packetKinds.resend, this.#next);
  }

  #sendAgain(): void {
    const now = this.#deps.clock.now();
    // Whoever misses something asks again after a second, so nothing is lost by not hearing it sooner.
    if (now - this.#repeatedAt < lostMs / 2) return;
    this.#repeatedAt = now;
    if (this.#sent.length > 0) this.#deps.onRepair?.('sent');
    for (const sent of this.#sent) {
      this.#deps.age(sent.packet.subarray(batchHeaderBytes), now - sent.sentAt);
      sent.packet.writeUInt32BE(this.#epoch, 9);
      sent.sentAt = now;
      sent.isRepeated = true;
      this.#deps.transmit(sent.packet);
    }
  }

  /**
   * If the last packets were lost there is none behind that would show it: an empty one does, from where we are. If it
   * was the last acknowledgement, one from where it stands is answered with another.
   */
  #watchLoss(): void {
    if (this.#isLossTimed) return;
    this.#isLossTimed = true;
    this.#deps.clock.after(lostMs, () => {
      this.#isLossTimed = false;
      const oldest = this.#sent[0];
      if (!oldest) this.#spare.clear();
      if (!oldest || this.#isClosed) return;
      if (this.#deps.clock.now() - oldest.sentAt >= lostMs) {
        this.#transmitEmpty(packetKinds.batch, this.#next);
        this.#transmitEmpty(packetKinds.batch, this.#acknowledged);
      }
      this.#watchLoss();
    });
  }
}
