import { Http1Error } from '#internal/http1/error';
import type { Fields } from '#internal/http1/fields';
import type { RequestHead, ResponseHead } from '#internal/http1/head';
import { parseFields, parseRequestHead, parseResponseHead } from '#internal/http1/parse-head';
import { Recent } from '#internal/http1/recent';
import { RecentBlocks } from './recent-blocks.ts';

/** So many different heads are remembered, each at most a few kB long. */
const recentHeads = 32;

/** Reads the heads of one lane, which stand in a batch from `start` to `end`. The same bytes give the same object again, so nobody may change it. */
export class HeadBlocks {
  readonly #fields = new Recent(forwardedFields, recentHeads);
  readonly #fieldsOf = (lines: string): Fields => this.#fields.of(lines);
  readonly #requests = new RecentBlocks(
    (batch, start, end) => parseOriginForm(textOf(batch, start, end), this.#fieldsOf),
    recentHeads,
  );
  readonly #responses = new RecentBlocks(
    (batch, start, end): ResponseHead => parseResponseHead(textOf(batch, start, end)),
    recentHeads,
  );

  /** Reads the head of a request: in origin form, as hubs write it. Throws {@link Http1Error}. */
  request(batch: Buffer, start: number, end: number): RequestHead {
    return this.#requests.of(batch, start, end);
  }

  /** Forgets what it remembers. */
  clear(): void {
    this.#fields.clear();
    this.#requests.clear();
    this.#responses.clear();
  }

  /** Reads the head of a response. Throws {@link Http1Error}. */
  response(batch: Buffer, start: number, end: number): ResponseHead {
    return this.#responses.of(batch, start, end);
  }
}

/** A hub has held the visitor's lines to its limits and added its own, so only the frame is a limit here. */
function forwardedFields(lines: string): Fields {
  return parseFields(lines, 0, { maxCount: Number.POSITIVE_INFINITY });
}

function parseOriginForm(text: string, fieldsOf: (lines: string) => Fields): RequestHead {
  const { method, target, version, fields } = parseRequestHead(text, fieldsOf);
  if (version !== '1.1' || !target.startsWith('/')) throw new Http1Error(400, 'the head has no valid request line');
  return { method, target, fields };
}

/** Reads field lines. Throws {@link Http1Error}. */
export function decodeTrailers(block: string): Fields {
  return parseFields(block, 0);
}

/** A head block on the wire is a head of HTTP/1.1 with its empty line: cheap to write, and nothing new to read. */
function textOf(batch: Buffer, start: number, end: number): string {
  const textEnd = end - 4;
  if (textEnd < start || batch.readUInt32BE(textEnd) !== 0x0d0a_0d0a) {
    throw new Http1Error(502, 'the head does not end with an empty line');
  }
  return batch.toString('latin1', start, textEnd);
}
