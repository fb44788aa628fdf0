import { writeFields } from '#internal/http1/head';
import { frameHeaderBytes, frameTypes, openHeaderBytes } from '#messages/v2';
import { freshBytes, type MuxStream } from './mux-stream.ts';
import { writeFrameHeader, writeOpenHeader } from './payloads.ts';

/** What one stream may send before it is another one's turn. */
const turnBytes = 16_384;

interface WholeFrame {
  type: number;
  id: number;
  /** Text is latin1. Of an `open` it is what stands behind its terms. */
  payload: string | Buffer;
  open?: OpenTerms | undefined;
}

/** What an `open` says before its head. */
export interface OpenTerms {
  tunnel: number;
  /** How much time was left, and when. */
  msLeft: number;
  since: number;
}

/** What the way takes at present. */
interface Way {
  /** Bytes that may be put on it. */
  readonly room: number;
  /** Whether a batch is to be no longer than a turn, and whether a turn may be as long as a batch. */
  readonly pace: { readonly isSlow: boolean; readonly isFast: boolean };
}

/** What waits to be sent, and whose turn it is. */
export class Outbox {
  readonly #urgent: WholeFrame[] = [];
  readonly #heads: WholeFrame[] = [];
  /** Streams with something to send, in the order of their turns: those that have hardly begun, and the others. */
  readonly #fresh: MuxStream[] = [];
  readonly #turns: MuxStream[] = [];
  #relieved: MuxStream[] = [];
  readonly #awaiting: MuxStream[] = [];

  /** Whether nothing waits but data. */
  get isEmpty(): boolean {
    return this.#urgent.length + this.#heads.length === 0;
  }

  get urgentCount(): number {
    return this.#urgent.length;
  }

  putOpen(id: number, open: OpenTerms, payload: string): void {
    this.#heads.push({ type: frameTypes.open, id, payload, open });
  }

  putHead(id: number, payload: string): void {
    this.#heads.push({ type: frameTypes.head, id, payload, open: undefined });
  }

  /** Takes back all that is said of a stream, if its `open` was not sent. False: it was. */
  takeBack(id: number): boolean {
    if (!this.#isOpening(id)) return false;
    const kept = this.#heads.filter((head) => head.id !== id);
    this.#heads.splice(0, this.#heads.length, ...kept);
    return true;
  }

  /** Streams whose `open` has waited since before this time. */
  unsentSince(time: number): number[] {
    return this.#heads.filter(({ open }) => open && open.since <= time).map(({ id }) => id);
  }

  putUrgent(type: number, id: number, payload: string | Buffer): void {
    // What is said of a stream must not overtake its `open`: the other end would not know what it is about.
    (this.#isOpening(id) ? this.#heads : this.#urgent).push({ type, id, payload, open: undefined });
  }

  putData(stream: MuxStream): void {
    if (stream.isQueued || !stream.canSend) return;
    stream.isQueued = true;
    (stream.isFresh ? this.#fresh : this.#turns).push(stream);
  }

  /** The stream's writer is asked to hold back until there is room on the way. */
  awaitRoom(stream: MuxStream): void {
    this.#awaiting.push(stream);
  }

  /**
   * Streams whose writers were asked to hold back, and of which something was sent since the last call, or that awaited room:
   * all of these when there is some, else one after the other.
   */
  takeRelieved({ hasRoom }: { hasRoom: boolean }): MuxStream[] {
    if (this.#awaiting.length > 0) {
      // Whatever others have waiting takes the room as it comes: who waits for it has to join them, one after the other.
      const isTaken = this.#turns.length + this.#fresh.length > 0;
      this.#relieved.push(...this.#awaiting.splice(0, hasRoom ? this.#awaiting.length : isTaken ? 1 : 0));
    }
    const relieved = this.#relieved;
    if (relieved.length > 0) this.#relieved = [];
    return relieved;
  }

  /**
   * Puts the next batch together in `target`, which is as long as a batch may be: what is urgent, heads, the beginnings of
   * streams, and data in turns. Only the last one waits for room on the way. Gives the batch.
   */
  gather(way: Way, target: Buffer, now: number): Buffer {
    const start = gatherWhole(this.#heads, target, gatherWhole(this.#urgent, target, 0, now), now);
    // A head that is still to come must not be overtaken by what follows it.
    if (this.#heads.length > 0) return target.subarray(0, start);
    const offset = this.#gatherData(this.#fresh, target, { start, end: target.length, turnBytes: freshBytes });
    if (this.#turns.length === 0) return target.subarray(0, offset);
    const maxBytes = way.pace.isSlow ? turnBytes : target.length;
    const end = Math.min(maxBytes, offset + way.room);
    // Where nobody is waited for, or not for long, whoever takes the data has less to do with long pieces.
    const turn = this.#turns.length === 1 || way.pace.isFast ? target.length : turnBytes;
    return target.subarray(0, this.#gatherData(this.#turns, target, { start: offset, end, turnBytes: turn }));
  }

  #isOpening(id: number): boolean {
    return this.#heads.some((head) => head.id === id && head.type === frameTypes.open);
  }

  #gatherData(queue: MuxStream[], target: Buffer, room: { start: number; end: number; turnBytes: number }): number {
    let offset = room.start;
    while (queue.length > 0 && offset + frameHeaderBytes < room.end) {
      const stream = queue.shift() as MuxStream;
      stream.isQueued = false;
      const byteCount = Math.min(room.turnBytes, stream.sendableBytes, room.end - offset - frameHeaderBytes);
      if (byteCount > 0) {
        const at = writeFrameHeader(target, offset, frameTypes.data, stream.id, byteCount);
        stream.take(target, at, byteCount);
        offset = at + byteCount;
        if (stream.isHeldBack) this.#relieved.push(stream);
      }
      offset = gatherEnd(stream, target, offset);
      this.putData(stream);
      // Its end alone is left, and has no room in this batch.
      if (byteCount <= 0 && stream.isQueued) break;
    }
    return offset;
  }
}

/** Moves frames into the batch, as many as there is room for. */
function gatherWhole(frames: WholeFrame[], target: Buffer, start: number, now: number): number {
  let offset = start;
  let count = 0;
  for (const { type, id, payload, open } of frames) {
    const length = payload.length + (open ? openHeaderBytes : 0);
    if (offset + frameHeaderBytes + length > target.length) break;
    let at = writeFrameHeader(target, offset, type, id, length);
    if (open) at = writeOpenHeader(target, at, open.tunnel, open.msLeft - (now - open.since));
    if (typeof payload === 'string') target.write(payload, at, 'latin1');
    else payload.copy(target, at);
    offset = at + payload.length;
    count += 1;
  }
  if (count > 0) frames.splice(0, count);
  return offset;
}

function gatherEnd(stream: MuxStream, target: Buffer, offset: number): number {
  const trailers = stream.endToSend;
  if (!trailers) return offset;
  const payload = writeFields(trailers);
  if (offset + frameHeaderBytes + payload.length > target.length) return offset;
  const at = writeFrameHeader(target, offset, frameTypes.end, stream.id, payload.length);
  stream.endSent();
  return at + target.write(payload, at, 'latin1');
}
