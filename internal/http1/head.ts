import type { Fields } from './fields.ts';

/**
 * A request's head. `target` is in origin form: path and query as they were written. `lines` are the fields as
 * {@link writeFields} would write them, where that was done already. Once written it does not change.
 */
export interface RequestHead {
  method: string;
  target: string;
  fields: Fields;
  lines?: string | undefined;
  /** Of {@link writeRequestHead}, for when it comes again. */
  written?: string | undefined;
}

/**
 * A response's head. An empty `reason` stands for the usual phrase. Whoever makes one of what others sent has found its
 * fields and its reason valid. Once written it does not change.
 */
export interface ResponseHead {
  status: number;
  reason: string;
  fields: Fields;
  /** Of {@link writeResponseHead}, for when it comes again. */
  written?: string | undefined;
}

/** A request head as bytes on the wire (RFC 9112 §3). Encode it as latin1. */
export function writeRequestHead(head: RequestHead): string {
  const { method, target, fields, lines } = head;
  head.written ??= [method, ' ', target, ' HTTP/1.1\r\n', lines ?? writeFields(fields), '\r\n'].join('');
  return head.written;
}

/** A response head as bytes on the wire (RFC 9112 §4). Encode it as latin1. */
export function writeResponseHead(head: ResponseHead): string {
  const { status, reason, fields } = head;
  head.written ??= ['HTTP/1.1 ', status, ' ', reason, '\r\n', writeFields(fields), '\r\n'].join('');
  return head.written;
}

/**
 * Field lines as bytes on the wire, also those of trailers. Joined at once: text that was added up stays a tree in the
 * engine, and these lines are kept, so each head that has them would go through all of it.
 */
export function writeFields(fields: Fields): string {
  const parts: string[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) parts.push(fields[i] as string, ': ', fields[i + 1] as string, '\r\n');
  return parts.join('');
}

/** Splits a head that a trusted writer of ours made: the first line's words and the fields. */
export function readOwnHead(head: string): { start: string; fields: string[] } {
  const [start = '', ...lines] = head.replace(/\r\n\r\n$/, '').split('\r\n');
  const fields = lines.flatMap((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  return { start, fields };
}
