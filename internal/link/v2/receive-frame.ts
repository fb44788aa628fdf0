import { firstIgnorable, frameHeaderBytes, frameTypes, V2Error } from '#messages/v2';
import { decodeTrailers, type HeadBlocks } from './head-blocks.ts';
import type { MuxStream } from './mux-stream.ts';
import { checkHeadLength, decodeLimit, decodeReason } from './payloads.ts';

const knownTypes: ReadonlySet<number> = new Set(Object.values(frameTypes));

/** A frame within its batch: its payload is from `start` to `end`. No view of it is made where none is needed. */
export interface Frame {
  readonly type: number;
  readonly id: number;
  readonly batch: Buffer;
  readonly start: number;
  readonly end: number;
}

/** The frames of a batch, one after the other, each in the place of the one before. */
export class Frames implements Frame {
  readonly batch: Buffer;
  type = 0;
  id = 0;
  start = 0;
  end = 0;

  constructor(batch: Buffer) {
    this.batch = batch;
  }

  /** Goes on to the next frame. False: there is none. Throws {@link V2Error}. */
  next(): boolean {
    const { batch, end: at } = this;
    if (at === batch.length) return false;
    if (batch.length - at < frameHeaderBytes) throw new V2Error('a frame is shorter than its header');
    this.type = batch[at] as number;
    this.id = batch.readUInt32BE(at + 1);
    this.start = at + frameHeaderBytes;
    this.end = this.start + batch.readUIntBE(at + 5, 3);
    if (this.end > batch.length) throw new V2Error('a frame is longer than its batch');
    return true;
  }
}

export function payloadOf({ batch, start, end }: Frame): Buffer {
  return batch.subarray(start, end);
}

/** What was on its way when its stream ended is no fault, if it is of a type that there is. Throws {@link V2Error}. */
export function checkStray({ type }: Frame): void {
  if (type < firstIgnorable && !knownTypes.has(type)) throw new V2Error(`frames of type ${type} are not known`);
}

/** Gives a stream what came for it. Throws {@link V2Error} for what breaks the wire's rules. */
export function receiveFrame(stream: MuxStream, frame: Frame, heads: HeadBlocks): void {
  const length = frame.end - frame.start;
  switch (frame.type) {
    case frameTypes.head:
      checkHeadLength(length);
      stream.receiveHead(heads.response(frame.batch, frame.start, frame.end));
      return;
    case frameTypes.data:
      stream.receiveData(payloadOf(frame));
      return;
    case frameTypes.credit:
      stream.receiveCredit(decodeLimit(payloadOf(frame)));
      return;
    case frameTypes.end:
      checkHeadLength(length);
      stream.receiveEnd(length === 0 ? [] : decodeTrailers(payloadOf(frame).toString('latin1')));
      return;
    case frameTypes.stop:
      stream.receiveStop();
      return;
    case frameTypes.reset:
      stream.receiveReset(decodeReason(payloadOf(frame)));
      return;
    default:
      checkStray(frame);
  }
}
