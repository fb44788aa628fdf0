import { AditError, messageOf } from '#internal/core/errors';
import type { RequestHead } from '#internal/http1/head';
import type { AcceptedStream, StreamHandler } from '#internal/link/stream';
import { limits } from '#messages/limits';
import { openHeaderBytes, streamKinds, V2Error } from '#messages/v2';
import type { HeadBlocks } from './head-blocks.ts';
import type { MuxStream } from './mux-stream.ts';
import type { Frame } from './receive-frame.ts';

/** Takes a stream that the other end opens. */
export type AcceptTunnelStream = (tunnel: number, head: RequestHead, stream: AcceptedStream) => StreamHandler;

/** Takes a stream as its `open` has it, or resets it. Throws {@link V2Error} for what breaks the wire's rules. */
export function acceptOpen(
  stream: MuxStream,
  frame: Frame,
  { accept, heads, streamCount }: { accept: AcceptTunnelStream; heads: HeadBlocks; streamCount: number },
): void {
  const { batch, start, end } = frame;
  const kind = batch[start + 2];
  if (kind !== streamKinds.http) {
    stream.reset(new AditError('ADIT_AGENT_BAD_ANSWER', `streams of kind ${kind} are not served here`));
    return;
  }
  if (streamCount > limits.streamCount) {
    stream.reset(new AditError('ADIT_TUNNEL_BUSY', `${limits.streamCount} requests are under way`));
    return;
  }
  if (batch.readUInt32BE(start + 3) === 0) {
    // It was on its way for longer than its visitor waits.
    stream.reset(new AditError('ADIT_RESPONSE_TIMEOUT', 'the request arrived too late'));
    return;
  }
  try {
    const head = heads.request(batch, start + openHeaderBytes, end);
    stream.handler = accept(batch.readUInt16BE(start), head, stream);
  } catch (thrown) {
    if (thrown instanceof V2Error) throw thrown;
    stream.reset(
      thrown instanceof AditError ? thrown : new AditError('ADIT_BAD_REQUEST', `cannot forward: ${messageOf(thrown)}`),
    );
  }
}
