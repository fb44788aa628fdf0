import { firstIgnorable, frameHeaderBytes, frameTypes, V2Error } from '#messages/v2';
import { decodeTrailers, type HeadBlocks } from './head-blocks.ts';
import type { MuxStream } from './mux-stream.ts';
import { checkHeadLength, decodeLimit, decodeReason } from './payloads.ts';

const knownTypes: ReadonlySet<number> = new Set(Object.values(frameTypes));

/** A frame within its batch: its payload is from `start` to `end`. No view of it is made where none is needed. */
export interface Frame {
  type: number;
  id: number;
  batch: Buffer;
  start: number;
  end: number;
}

/** The frame that begins there. Throws {@link V2Error}. */
export function frameAt(batch: Buffer, at: number): Frame {
  if (batch.length - at < frameHeaderBytes) throw new V2Error('a frame is shorter than its header');
  const start = at + frameHeaderBytes;
  const end = start + batch.readUIntBE(at + 5, 3);
  if (end > batch.length) throw new V2Error('a frame is longer than its batch');
  return { type: batch[at] as number, id: batch.readUInt32BE(at + 1), batch, start, end };
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
