import type { RequestHead, ResponseHead } from '#internal/http1/head';
import type { AcceptStream, StreamHandler } from '#internal/link/stream';

export interface Answer {
  status?: number;
  fields?: string[];
  body?: Buffer;
}

/** An origin inside the process: reads a whole request, then answers. */
export function streamOrigin(answer: (head: RequestHead, body: Buffer) => Answer): AcceptStream {
  return (head, stream) => {
    const chunks: Buffer[] = [];
    const nothing = (): void => undefined;
    return {
      data(chunk) {
        chunks.push(Buffer.from(chunk));
        stream.consumed(chunk.length);
      },
      ended() {
        const { status = 200, fields = [], body = Buffer.alloc(0) } = answer(head, Buffer.concat(chunks));
        stream.head({ status, reason: '', fields });
        if (body.length > 0) stream.write(body);
        stream.end();
      },
      drained: nothing,
      stopped: nothing,
      reset: nothing,
    };
  };
}

/** A GET as the edge hands it on. */
export function getHead(target = '/', fields: string[] = []): RequestHead {
  return { method: 'GET', target, fields };
}

/** A response head without a reason phrase. */
export function responseHead(status: number, fields: string[] = []): ResponseHead {
  return { status, reason: '', fields };
}

/** A handler that lets everything pass by. */
export const silentHandler: StreamHandler = {
  data: () => undefined,
  ended: () => undefined,
  drained: () => undefined,
  stopped: () => undefined,
  reset: () => undefined,
};
