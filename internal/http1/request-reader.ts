import { limits } from '#messages/limits';
import { type RequestFraming, requestFraming } from './body-reader.ts';
import { Http1Error } from './error.ts';
import { type Fields, isKeptAlive } from './fields.ts';
import { HeadBuffer } from './head-buffer.ts';
import { type HeadRead, LastHead } from './last-head.ts';
import { type ParsedRequest, parseRequestHead, parseRequestLine, requestFields } from './parse-head.ts';
import { keptLength, Recent } from './recent.ts';

/** Empty lines that a request may have before it: old clients send one behind a body (RFC 9112 §2.2). */
const emptyLineCount = 4;
/** What a request line has beside its target: more than any method and version take. */
const restOfLine = 64;

/** A request head as it was read, and what it says of its body and its connection. */
export interface ReadRequest extends ParsedRequest {
  framing: RequestFraming;
  /** Whether the connection outlives it. */
  isKept: boolean;
}

/**
 * Takes request heads off the wire, one after the other. One that comes again gives the same object, and one with the same
 * field lines the same `fields`: nobody may change them.
 */
export class RequestHeadReader {
  readonly #buffer = new HeadBuffer(limits.requestHead);
  readonly #fields = new Recent(requestFields, 1);
  readonly #fieldsOf = (lines: string): Fields => this.#fields.of(lines);
  readonly #lastBytes = new LastHead<ReadRequest>();
  #last: ReadRequest | undefined;
  #emptyLines = 0;
  #isLineChecked = false;

  /**
   * Takes bytes. Once a head is complete, gives it and the bytes behind. Throws {@link Http1Error} as soon as what has
   * come can't become a request; then nothing more can be read.
   */
  push(chunk: Buffer): HeadRead<ReadRequest> | undefined {
    const isBetween = this.#buffer.isEmpty && this.#emptyLines === 0;
    return isBetween ? this.#lastBytes.read(chunk, this.#readAnew) : this.#readAnew(chunk);
  }

  readonly #readAnew = (chunk: Buffer): HeadRead<ReadRequest> | undefined => {
    let bytes = chunk;
    for (;;) {
      const read = this.#collect(bytes);
      if (!read) return undefined;
      const start = this.#skipEmptyLines(read.text);
      if (start < read.text.length) {
        this.#emptyLines = 0;
        this.#isLineChecked = false;
        return { head: this.#parse(start === 0 ? read.text : read.text.slice(start)), rest: read.rest };
      }
      // Two empty lines look like the end of a head without anything in it; the second one is not counted yet.
      this.#countEmptyLine();
      this.#countEmptyLine();
      bytes = read.rest;
      if (bytes.length === 0) return undefined;
    }
  };

  #parse(text: string): ReadRequest {
    const head = parseRequestHead(text, this.#fieldsOf);
    const { method, target, version, fields } = head;
    const last = this.#last;
    const isAlike = last?.fields === fields && last.version === version;
    const framing = isAlike ? last.framing : requestFraming(head);
    const isKept = isAlike ? last.isKept : isKeptAlive(version, fields);
    const read = { method, target, version, fields, framing, isKept };
    this.#last = text.length <= keptLength ? read : undefined;
    return read;
  }

  #collect(bytes: Buffer): { text: string; rest: Buffer } | undefined {
    let read: { text: string; rest: Buffer } | undefined;
    try {
      read = this.#buffer.push(bytes);
    } catch (error) {
      if (lineLength(this.#buffer.held) > limits.requestTarget + restOfLine) {
        throw new Http1Error(414, `the request target exceeds ${limits.requestTarget} bytes`);
      }
      throw error;
    }
    if (!read) this.#checkLine(this.#buffer.held);
    return read;
  }

  /** Whoever speaks another protocol waits for our answer, and may never send an empty line. */
  #checkLine(held: Buffer): void {
    if (this.#isLineChecked) return;
    const text = held.toString('latin1', 0, 2);
    if (text === '\r\n' || '\r\n'.startsWith(text)) return;
    const end = held.indexOf('\r\n', 0, 'latin1');
    if (end === -1) {
      if (held[0] === undefined || held[0] <= 32 || held[0] >= 127) throw new Http1Error(400, 'this is not HTTP');
      return;
    }
    this.#isLineChecked = true;
    parseRequestLine(held.toString('latin1', 0, end));
  }

  #skipEmptyLines(text: string): number {
    let start = 0;
    while (text.startsWith('\r\n', start)) {
      this.#countEmptyLine();
      start += 2;
    }
    return start;
  }

  #countEmptyLine(): void {
    this.#emptyLines += 1;
    if (this.#emptyLines > emptyLineCount) throw new Http1Error(400, 'there is no request behind the empty lines');
  }
}

function lineLength(bytes: Buffer): number {
  const end = bytes.indexOf('\r\n', 0, 'latin1');
  return end === -1 ? bytes.length : end;
}
