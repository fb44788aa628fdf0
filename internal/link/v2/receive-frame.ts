import { firstIgnorable, frameTypes, V2Error } from '#messages/v2';
import { decodeTrailers, type HeadBlocks } from './head-blocks.ts';
import type { MuxStream } from './mux-stream.ts';
import { checkHeadLength, decodeLimit, decodeReason } from './payloads.ts';

/** Gives a stream what came for it. Throws {@link V2Error} for what breaks the wire's rules. */
export function receiveFrame(stream: MuxStream, type: number, payload: Buffer, heads: HeadBlocks): void {
  switch (type) {
    case frameTypes.head:
      checkHeadLength(payload);
      stream.receiveHead(heads.response(payload));
      return;
    case frameTypes.data:
      stream.receiveData(payload);
      return;
    case frameTypes.credit:
      stream.receiveCredit(decodeLimit(payload));
      return;
    case frameTypes.end:
      checkHeadLength(payload);
      stream.receiveEnd(payload.length === 0 ? [] : decodeTrailers(payload.toString('latin1')));
      return;
    case frameTypes.stop:
      stream.receiveStop();
      return;
    case frameTypes.reset:
      stream.receiveReset(decodeReason(payload));
      return;
    default:
      if (type < firstIgnorable) throw new V2Error(`frames of type ${type} are not known`);
  }
}
