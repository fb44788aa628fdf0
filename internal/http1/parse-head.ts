import { limits } from '#messages/limits';
import { Http1Error } from './error.ts';
import { isFieldName, isFieldValue, trimBlanks } from './fields.ts';
import type { ResponseHead } from './head.ts';

/** A response head as it was read, with the version that decides on keep-alive. */
export interface ParsedResponse extends ResponseHead {
  version: '1.0' | '1.1';
}

const statusLine = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/;

/** Reads a response head (RFC 9112 §4) without the empty line that ends it. Throws {@link Http1Error}. */
export function parseResponseHead(text: string): ParsedResponse {
  const end = text.indexOf('\r\n');
  const first = statusLine.exec(end === -1 ? text : text.slice(0, end));
  if (!first) throw new Http1Error(502, 'response does not begin with a status line of HTTP/1.0 or HTTP/1.1');
  const fields = end === -1 ? [] : parseFields(text, end + 2);
  return { version: first[1] === '0' ? '1.0' : '1.1', status: Number(first[2]), reason: first[3] ?? '', fields };
}

/** Reads field lines, from `start` to the end of the text. Throws {@link Http1Error}. */
export function parseFields(text: string, start: number): string[] {
  const fields: string[] = [];
  for (let from = start; from < text.length; ) {
    const found = text.indexOf('\r\n', from);
    const end = found === -1 ? text.length : found;
    const colon = text.indexOf(':', from);
    const name = colon === -1 || colon > end ? '' : text.slice(from, colon);
    const value = trimBlanks(text.slice(colon + 1, end));
    if (!isFieldName(name) || !isFieldValue(value)) throw new Http1Error(400, 'a field line is not valid');
    fields.push(name, value);
    if (fields.length > 2 * limits.fieldCount) throw new Http1Error(431, 'too many field lines');
    from = end + 2;
  }
  return fields;
}
