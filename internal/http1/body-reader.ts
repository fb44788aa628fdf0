import { limits } from '#messages/limits';
import { Http1Error } from './error.ts';
import { type Fields, fieldList, fieldValue, trimBlanks } from './fields.ts';
import { HeadBuffer } from './head-buffer.ts';
import { parseFields } from './parse-head.ts';

/** How a body ends (RFC 9112 §6.3). */
export type Framing = { kind: 'length'; byteCount: number } | { kind: 'chunked' } | { kind: 'close' };

/** Takes a body's bytes off the wire. */
export interface BodyReader {
  /**
   * Reads from a chunk and hands on what is body. Gives the bytes behind the body's end, or undefined while it goes
   * on. Throws {@link Http1Error}.
   */
  push(chunk: Buffer): Buffer | undefined;
  /** Fields that came behind a chunked body. */
  readonly trailers: string[];
  /** Whether the body is complete if the connection ends now. */
  readonly canEndHere: boolean;
}

/** Finds how a response's body ends. Throws {@link Http1Error} when the response says it in two ways, or in none. */
export function responseFraming(status: number, fields: Fields, requestMethod: string): Framing {
  // What is said wrongly is refused even where there is no body: it goes on to readers who may not know that.
  const framing = framingOf(fields);
  const isBodiless = requestMethod === 'HEAD' || status < 200 || status === 204 || status === 304;
  return isBodiless ? noBody : framing;
}

function framingOf(fields: Fields): Framing {
  const length = fieldValue(fields, 'content-length');
  if (fieldValue(fields, 'transfer-encoding') !== undefined) {
    const codings = fieldList(fields, 'transfer-encoding');
    if (length !== undefined) throw new Http1Error(502, 'response has both Content-Length and Transfer-Encoding');
    if (isChunkedAlone(codings)) return { kind: 'chunked' };
    throw new Http1Error(502, `response has the transfer coding ${codings}, which is not supported`);
  }
  if (length === undefined) return { kind: 'close' };
  if (!/^\d{1,15}$/.test(fieldList(fields, 'content-length'))) {
    throw new Http1Error(502, 'response has no valid Content-Length');
  }
  return { kind: 'length', byteCount: Number(length) };
}

/** How a request's body ends: never with the connection. */
export type RequestFraming = Exclude<Framing, { kind: 'close' }>;

/** Nothing follows the head. */
export const noBody: RequestFraming = { kind: 'length', byteCount: 0 };

/**
 * Finds how a request's body ends. What two readers could take for two different lengths smuggles requests, so there is
 * exactly one way to say it. Throws {@link Http1Error}: 501 for a coding below `chunked`, else 400.
 */
export function requestFraming({ version, fields }: { version: '1.0' | '1.1'; fields: Fields }): RequestFraming {
  let length: string | undefined;
  let codings: string | undefined;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    if (name.length === 14 && name.toLowerCase() === 'content-length') {
      if (length !== undefined) throw new Http1Error(400, 'the request has several Content-Length fields');
      length = value;
    } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      codings = codings === undefined ? value : `${codings}, ${value}`;
    }
  }
  if (codings !== undefined) {
    if (length !== undefined) throw new Http1Error(400, 'the request has both Content-Length and Transfer-Encoding');
    if (version === '1.0') throw new Http1Error(400, 'HTTP/1.0 has no transfer codings');
    return chunkedOnly(codings);
  }
  if (length === undefined || length === '0') return noBody;
  if (!/^\d{1,15}$/.test(length)) throw new Http1Error(400, 'the request has no valid Content-Length');
  return { kind: 'length', byteCount: Number(length) };
}

function chunkedOnly(codings: string): RequestFraming {
  if (isChunkedAlone(codings)) return { kind: 'chunked' };
  const members = codings
    .toLowerCase()
    .split(',')
    .map((member) => trimBlanks(member));
  if (members.indexOf('chunked') !== members.length - 1 || members.includes('')) {
    throw new Http1Error(400, 'the transfer coding does not end with chunked, once');
  }
  throw new Http1Error(501, `the transfer coding ${members.join(', ')} is not supported`);
}

/** Not even an empty member may stand beside it: some read a list with one as another coding. */
function isChunkedAlone(codings: string): boolean {
  return codings.length === 7 && codings.toLowerCase() === 'chunked';
}

/** Makes the reader for a body. `onData` gets every piece of it. */
export function bodyReader(framing: Framing, onData: (chunk: Buffer) => void): BodyReader {
  switch (framing.kind) {
    case 'length':
      return new LengthReader(framing.byteCount, onData);
    case 'chunked':
      return new ChunkedReader(onData);
    case 'close':
      return new CloseReader(onData);
  }
}

class LengthReader implements BodyReader {
  readonly trailers: string[] = [];
  readonly #onData: (chunk: Buffer) => void;
  #leftBytes: number;

  constructor(byteCount: number, onData: (chunk: Buffer) => void) {
    this.#leftBytes = byteCount;
    this.#onData = onData;
  }

  get canEndHere(): boolean {
    return this.#leftBytes === 0;
  }

  push(chunk: Buffer): Buffer | undefined {
    const body = chunk.length <= this.#leftBytes ? chunk : chunk.subarray(0, this.#leftBytes);
    this.#leftBytes -= body.length;
    if (body.length > 0) this.#onData(body);
    return this.#leftBytes === 0 ? chunk.subarray(body.length) : undefined;
  }
}

class CloseReader implements BodyReader {
  readonly trailers: string[] = [];
  readonly canEndHere = true;
  readonly #onData: (chunk: Buffer) => void;

  constructor(onData: (chunk: Buffer) => void) {
    this.#onData = onData;
  }

  push(chunk: Buffer): undefined {
    if (chunk.length > 0) this.#onData(chunk);
  }
}

/** A chunk's size line may hold extensions, of which nothing is read; it is bounded all the same. */
const maxSizeLine = 16_384;
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const quoted = '"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t \\x21-\\x7e\\x80-\\xff])*"';
const extension = `[\\t ]*;[\\t ]*${token}(?:[\\t ]*=[\\t ]*(?:${token}|${quoted}))?`;
const sizeLine = new RegExp(`^0*([0-9A-Fa-f]{1,12})(?:${extension})*[\\t ]*$`);

/** The chunked transfer coding (RFC 9112 §7.1). */
class ChunkedReader implements BodyReader {
  trailers: string[] = [];
  readonly canEndHere = false;
  readonly #onData: (chunk: Buffer) => void;
  readonly #trailerBuffer = new HeadBuffer(limits.requestHead);
  #state: 'size' | 'data' | 'data-end' | 'trailers' = 'size';
  #line = '';
  #leftBytes = 0;

  constructor(onData: (chunk: Buffer) => void) {
    this.#onData = onData;
  }

  push(chunk: Buffer): Buffer | undefined {
    let rest: Buffer = chunk;
    while (rest.length > 0) {
      if (this.#state === 'trailers') return this.#readTrailers(rest);
      rest = this.#state === 'data' ? this.#readData(rest) : this.#readLine(rest);
    }
    return undefined;
  }

  #readData(bytes: Buffer): Buffer {
    const body = bytes.length <= this.#leftBytes ? bytes : bytes.subarray(0, this.#leftBytes);
    this.#leftBytes -= body.length;
    if (this.#leftBytes === 0) this.#state = 'data-end';
    this.#onData(body);
    return bytes.subarray(body.length);
  }

  /** Reads a size line, or the empty one behind a chunk's data. */
  #readLine(bytes: Buffer): Buffer {
    const lf = bytes.indexOf(10);
    this.#line += bytes.toString('latin1', 0, lf === -1 ? bytes.length : lf + 1);
    if (this.#line.length > maxSizeLine) throw new Http1Error(413, 'a chunk extension is too long');
    if (lf === -1) {
      const cr = this.#line.indexOf('\r');
      // Who ends lines in CR alone would wait for us, and we for the LF.
      if (cr !== -1 && cr + 1 < this.#line.length) throw new Http1Error(400, 'a chunk line has CR without LF');
      return bytes.subarray(bytes.length);
    }
    if (!this.#line.endsWith('\r\n')) throw new Http1Error(400, 'a chunk line ends in LF without CR');
    this.#endLine(this.#line.slice(0, -2));
    this.#line = '';
    return bytes.subarray(lf + 1);
  }

  #endLine(line: string): void {
    if (this.#state === 'data-end') {
      if (line !== '') throw new Http1Error(400, 'a chunk is longer than its size says');
      this.#state = 'size';
      return;
    }
    const size = sizeLine.exec(line);
    if (!size) throw new Http1Error(400, 'a chunk has no valid size');
    this.#leftBytes = Number.parseInt(size[1] as string, 16);
    this.#state = this.#leftBytes === 0 ? 'trailers' : 'data';
    // The trailers' end is an empty line too, so the line end before it is seen as part of it.
    if (this.#leftBytes === 0) this.#trailerBuffer.push(Buffer.from('\r\n'));
  }

  #readTrailers(bytes: Buffer): Buffer | undefined {
    const head = this.#trailerBuffer.push(bytes);
    if (!head) return undefined;
    this.trailers = parseFields(head.text, 2);
    return head.rest;
  }
}
