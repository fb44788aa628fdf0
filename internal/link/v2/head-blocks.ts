import { Http1Error } from '#internal/http1/error';
import { eachField, type Fields } from '#internal/http1/fields';
import type { RequestHead, ResponseHead } from '#internal/http1/head';
import { parseFields, parseRequestHead, parseResponseHead } from '#internal/http1/parse-head';

/** Reads the head of a request: in origin form, as hubs write it. Throws {@link Http1Error}. */
export function decodeRequestHead(block: Buffer): RequestHead {
  const { method, target, version, fields } = parseRequestHead(textOf(block));
  if (version !== '1.1' || !target.startsWith('/')) throw new Http1Error(400, 'the head has no valid request line');
  return { method, target, fields };
}

/** Reads the head of a response. Throws {@link Http1Error}. */
export function decodeResponseHead(block: Buffer): ResponseHead {
  return parseResponseHead(textOf(block));
}

/** Trailers as field lines; nothing when there are none. */
export function encodeTrailers(trailers: Fields): string {
  let block = '';
  for (const [name, value] of eachField(trailers)) block += `${name}: ${value}\r\n`;
  return block;
}

/** Reads field lines. Throws {@link Http1Error}. */
export function decodeTrailers(block: string): Fields {
  return block === '' ? [] : parseFields(block, 0);
}

/** A head block on the wire is a head of HTTP/1.1 with its empty line: cheap to write, and nothing new to read. */
function textOf(block: Buffer): string {
  const end = block.length - 4;
  if (end < 0 || block.readUInt32BE(end) !== 0x0d0a_0d0a) {
    throw new Http1Error(502, 'the head does not end with an empty line');
  }
  return block.toString('latin1', 0, end);
}
