import { limits } from '#messages/limits';
import { Http1Error } from './error.ts';
import { endOfToken, type Fields, isFieldName, isFieldValue, trimBlanks } from './fields.ts';
import type { RequestHead, ResponseHead } from './head.ts';

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

/** A request head as it was read, with the version that decides on keep-alive and coding. */
export interface ParsedRequest extends RequestHead {
  version: '1.0' | '1.1';
}

/**
 * Reads a request head (RFC 9112 §3) without the empty line that ends it. The target is as it was written, in whichever
 * form. `fieldsOf` reads the field lines. Throws {@link Http1Error}.
 */
export function parseRequestHead(text: string, fieldsOf: (lines: string) => Fields = requestFields): ParsedRequest {
  const found = text.indexOf('\r\n');
  const end = found === -1 ? text.length : found;
  const { method, target, version } = parseRequestLine(text.slice(0, end));
  return { method, target, version, fields: fieldsOf(text.slice(end + 2)) };
}

/** Reads the field lines of a request as a visitor sends it: each has a limit. Throws {@link Http1Error}. */
export function requestFields(lines: string): Fields {
  return parseFields(lines, 0, { maxLine: limits.fieldLine });
}

/** Reads a request line without its end. Throws {@link Http1Error}. */
export function parseRequestLine(line: string): Pick<ParsedRequest, 'method' | 'target' | 'version'> {
  const methodEnd = endOfToken(line, 0);
  const targetEnd = line.indexOf(' ', methodEnd + 1);
  if (methodEnd === 0 || line.charCodeAt(methodEnd) !== 32 || targetEnd <= methodEnd + 1) {
    throw new Http1Error(400, 'the request line is not a method, a target and a version with one space between');
  }
  const version = line.slice(targetEnd + 1);
  if (version !== 'HTTP/1.1' && version !== 'HTTP/1.0') {
    if (!/^HTTP\/\d\.\d$/.test(version)) throw new Http1Error(400, 'the request line has no valid version at its end');
    throw new Http1Error(505, `${version} is not spoken here, only HTTP/1.1 and HTTP/1.0`);
  }
  if (targetEnd - methodEnd - 1 > limits.requestTarget) {
    throw new Http1Error(414, `the request target exceeds ${limits.requestTarget} bytes`);
  }
  const target = line.slice(methodEnd + 1, targetEnd);
  if (!isFieldValue(target)) throw new Http1Error(400, 'the request target has a control character');
  return { method: line.slice(0, methodEnd), target, version: version === 'HTTP/1.1' ? '1.1' : '1.0' };
}

/**
 * Lines without control characters but tab, and without CR or LF alone. To match all of them takes half as long as to look
 * for what is wrong.
 */
const cleanLines = /^[\t\x20-\x7e\x80-\xff]*(?:\r\n[\t\x20-\x7e\x80-\xff]*)*$/;

/** Reads field lines, from `start` to the end of the text: `maxCount` at most, of `maxLine` bytes. Throws {@link Http1Error}. */
export function parseFields(
  text: string,
  start: number,
  { maxLine = Number.POSITIVE_INFINITY, maxCount = limits.fieldCount }: { maxLine?: number; maxCount?: number } = {},
): string[] {
  if (!cleanLines.test(text)) throw new Http1Error(400, 'the head has a control character');
  const fields: string[] = [];
  for (let from = start; from < text.length; ) {
    const found = text.indexOf('\r\n', from);
    const end = found === -1 ? text.length : found;
    const colon = text.indexOf(':', from);
    const name = text.slice(from, colon);
    if (colon === -1 || colon > end || !isFieldName(name)) throw new Http1Error(400, 'a field line is not valid');
    if (end - from > maxLine) throw new Http1Error(431, `a field line exceeds ${maxLine} bytes`);
    fields.push(name, trimBlanks(text, colon + 1, end));
    if (fields.length > 2 * maxCount) throw new Http1Error(431, `the head has more than ${maxCount} field lines`);
    from = end + 2;
  }
  return fields;
}
