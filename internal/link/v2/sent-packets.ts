import { SpareBuffers } from '#internal/core/spare-buffers';
import { countGarbage } from '#internal/core/young-garbage';
import { limits } from '#messages/limits';
import { batchHeaderBytes, V2Error } from '#messages/v2';
import { Pace } from './pace.ts';
import { allocatePacket, headroomBytes, type Packet, packetIn } from './packet.ts';

/** So much in a row tells how fast the way is. */
const burstBytes = 49_152;
const fewBytes = 16_384;
/**
 * Acknowledgements that come together in less time tell how busy the other end was, not how fast the way is: on a short one
 * that would be ten times as fast as anything passes.
 */
const minMs = 1;
/** From here on a packet takes a whole buffer, so that it can be used again. */
const longBytes = limits.v2BatchSent / 2;
/** A packet in a buffer that can be used again. */
const bufferBytes = headroomBytes + batchHeaderBytes + limits.v2BatchSent;
/** Where frames are put together when there is no such buffer. They are copied from here, so one does for all lanes. */
const scratch = Buffer.allocUnsafe(limits.v2BatchSent);

interface Sent {
  packet: Packet;
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

/** The packets of a lane that were sent and not acknowledged, and what acknowledgements tell of the way. */
export class SentPackets {
  pace = new Pace();
  readonly #sent: Sent[] = [];
  /**
   * Buffers of long packets that were acknowledged. They stay in this lane, since an acknowledgement that comes too early
   * must not let anybody read what is another one's.
   */
  readonly #spare = new SpareBuffers(bufferBytes, Number.POSITIVE_INFINITY);
  /** Positions: of the next byte to send, and of the first one not acknowledged. */
  #next: number;
  #acknowledged: number;
  #acknowledgedAt = 0;
  /** What was sent without knowing that its beginning has arrived: its first byte's position, and when that was sent. */
  #burst = { position: -1, sentAt: 0 };

  constructor(start: number) {
    this.#next = this.#acknowledged = start;
  }

  /** The position behind the last byte that was sent. */
  get next(): number {
    return this.#next;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Bytes that may be sent now. */
  get room(): number {
    return this.pace.window - this.keptBytes;
  }

  /**
   * Whether a read's worth of bytes may be sent now. Where nothing is on its way it may: there is nothing that would come
   * back and say that there is room.
   */
  get hasRoom(): boolean {
    return this.keptBytes === 0 || this.room >= Math.min(limits.v2BatchSent, this.pace.window / 2);
  }

  /** Bytes that are kept until they are acknowledged. */
  get keptBytes(): number {
    return this.#next - this.#acknowledged;
  }

  /** Frames that may not have arrived, as they were sent. */
  get frames(): Buffer[] {
    return this.#sent.map(({ packet }) => framesIn(packet));
  }

  /** When the oldest packet was sent; undefined when there is none. */
  get oldestSentAt(): number | undefined {
    return this.#sent[0]?.sentAt;
  }

  /** Where the frames of the next packet may be put together, so that they need not be copied into it. */
  get target(): Buffer {
    return this.#spare.next?.subarray(headroomBytes + batchHeaderBytes) ?? scratch;
  }

  /** A packet with these frames, and room for the header. */
  packetFor(frames: Buffer): Packet {
    const byteCount = batchHeaderBytes + frames.length;
    const isInPlace = frames.buffer === this.#spare.next?.buffer;
    const isLong = frames.length >= longBytes;
    if (!isLong) countGarbage(byteCount);
    const packet = isLong ? packetIn(this.#spare.take(), byteCount) : allocatePacket(byteCount);
    if (!isLong || !isInPlace) frames.copy(packet, batchHeaderBytes);
    return packet;
  }

  /** Keeps a packet that is sent now, with so many bytes of frames. */
  add(packet: Packet, length: number, now: number): void {
    if (this.#sent.length === 0) this.#acknowledgedAt = now;
    const wasFull = this.room < this.pace.window / 2;
    this.#next += length;
    this.#sent.push({
      packet,
      end: this.#next,
      sentAt: now,
      acknowledgedBefore: this.#acknowledged,
      acknowledgedAt: this.#acknowledgedAt,
      wasFull,
      isRepeated: false,
    });
  }

  /**
   * Everything before `position` has arrived, which the other end says so much later. False when that was known. Throws
   * {@link V2Error}.
   */
  acknowledge(position: number, delayMs: number, now: number): boolean {
    if (position > this.#next) throw new V2Error('what was never sent is acknowledged');
    if (position <= this.#acknowledged) return false;
    this.#acknowledged = position;
    let last: Sent | undefined;
    while (this.#sent[0] && this.#sent[0].end <= position) {
      last = this.#sent.shift() as Sent;
      if (last.acknowledgedBefore > this.#burst.position)
        this.#burst = { position: startOf(last), sentAt: last.sentAt };
      // One that was sent twice may still be on its way the second time. Of the others no more than what may be on its way.
      if (!last.isRepeated && this.#spare.spareBytes < this.pace.window) this.#spare.give(last.packet);
    }
    if (last && !last.isRepeated) this.#measure(last, { position, delayMs, now });
    return true;
  }

  /** The way is another one now: what was sent may be sent again over it. */
  changeWay(now: number): void {
    this.pace = new Pace();
    for (const sent of this.#sent) sent.isRepeated = true;
    this.#acknowledgedAt = now;
  }

  /** Each packet, to be sent once more, and how many milliseconds ago it was sent the last time. */
  *again(now: number): Generator<{ packet: Packet; ageMs: number }> {
    for (const sent of this.#sent) {
      yield { packet: sent.packet, ageMs: now - sent.sentAt };
      sent.sentAt = now;
      sent.isRepeated = true;
    }
  }

  /** Gives up the buffers that wait to be used again. */
  clearSpare(): void {
    this.#spare.clear();
  }

  clear(): void {
    this.#sent.length = 0;
    this.clearSpare();
  }

  #measure(last: Sent, { position, delayMs, now }: { position: number; delayMs: number; now: number }): void {
    // Before what it shows of a queue, which has the last word. The first round trip of all is measured against nothing.
    const burstCount = last.end - this.#burst.position;
    if (burstCount >= burstBytes) this.pace.burst(burstCount, now - delayMs - this.#burst.sentAt);
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
}

function startOf({ packet, end }: Sent): number {
  return end - (packet.length - batchHeaderBytes);
}

/** The frames of a batch packet, behind its header. */
export function framesIn(packet: Buffer): Buffer {
  return packet.subarray(batchHeaderBytes);
}
