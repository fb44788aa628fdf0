import { type Framing, responseFraming } from '#internal/http1/body-reader';
import { fieldValue, isKeptAlive } from '#internal/http1/fields';
import { type ParsedResponse, parseResponseHead } from '#internal/http1/parse-head';

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

/** Reads a response head. Throws {@link Http1Error}. */
export function readOriginResponse(text: string): OriginResponse {
  const head = parseResponseHead(text);
  const { version, status, fields } = head;
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
