import { type Framing, responseFraming } from '#internal/http1/body-reader';
import { fieldValue, isKeptAlive } from '#internal/http1/fields';
import type { HeadBuffer } from '#internal/http1/head-buffer';
import { type HeadRead, LastHead } from '#internal/http1/last-head';
import { type ParsedResponse, parseResponseHead } from '#internal/http1/parse-head';
import { Recent } from '#internal/http1/recent';

/** How long a connection stays idle when the origin does not say. */
const usualIdleMs = 4_000;

/** A response head of the origin, and all that it says of its body and its connection. */
export interface OriginResponse {
  head: ParsedResponse;
  /** How its body ends, unless it is the answer to HEAD. */
  framing: Framing;
  /** Whether it speaks of a body, even where none can be. */
  saysBody: boolean;
  isKept: boolean;
  /** How long the connection may be idle. */
  idleMs: number;
}

/** So many different heads are remembered. */
const recentHeads = 64;

/** The response heads of one origin, on all of its connections. Those that came lately are not read again. */
export class OriginResponses {
  readonly #recent = new Recent(readOriginResponse, recentHeads);
  readonly #last = new LastHead<OriginResponse>();

  /** Takes bytes with which a head begins, or goes on. Throws {@link Http1Error}. */
  read(buffer: HeadBuffer, bytes: Buffer): HeadRead<OriginResponse> | undefined {
    const readAnew = (): HeadRead<OriginResponse> | undefined => {
      const read = buffer.push(bytes);
      return read && { head: this.#recent.of(read.text), rest: read.rest };
    };
    return buffer.isEmpty ? this.#last.read(bytes, readAnew) : readAnew();
  }
}

function readOriginResponse(text: string): OriginResponse {
  const head = parseResponseHead(text);
  const { version, status, fields } = head;
  // It goes to the hub as it came: that reads it as strictly as we did.
  if (version === '1.1') head.written = `${text}\r\n\r\n`;
  const seconds = /timeout=(\d+)/i.exec(fieldValue(fields, 'keep-alive') ?? '')?.[1];
  // A second less than it says, since the origin counts from earlier than we do.
  const idleMs = seconds === undefined ? usualIdleMs : (Number(seconds) - 1) * 1_000;
  const length = fieldValue(fields, 'content-length');
  return {
    head,
    framing: responseFraming(status, fields, ''),
    saysBody: fieldValue(fields, 'transfer-encoding') !== undefined || (length !== undefined && length !== '0'),
    isKept: idleMs > 0 && isKeptAlive(version, fields),
    idleMs,
  };
}
