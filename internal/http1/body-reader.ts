import { limits } from '#messages/limits';
import { Http1Error } from './error.ts';
import { type Fields, fieldList, listMembers } from './fields.ts';
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

/** Finds how a response's body ends. Throws {@link Http1Error} when the response says it in two ways. */
export function responseFraming(status: number, fields: Fields, requestMethod: string): Framing {
  if (requestMethod === 'HEAD' || status < 200 || status === 204 || status === 304) {
    return { kind: 'length', byteCount: 0 };
  }
  const codings = listMembers(fieldList(fields, 'transfer-encoding'));
  const lengths = new Set(listMembers(fieldList(fields, 'content-length')));
  if (codings.length > 0) {
    if (lengths.size > 0) throw new Http1Error(502, 'response has both Content-Length and Transfer-Encoding');
    if (codings.length > 1 || codings[0] !== 'chunked') {
      throw new Http1Error(502, `response has the transfer coding ${codings.join(', ')}, which is not supported`);
    }
    return { kind: 'chunked' };
  }
  const [length] = lengths;
  if (length === undefined) return { kind: 'close' };
  if (lengths.size > 1 || !/^\d{1,15}$/.test(length)) throw new Http1Error(502, 'response has no valid Content-Length');
  return { kind: 'length', byteCount: Number(length) };
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
const sizeLine = /^([0-9A-Fa-f]{1,12})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;

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
    if (lf === -1) return bytes.subarray(bytes.length);
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
