import { HttpGrammar } from './http-grammar.ts';
import { type Disagreement, disagreement, isSameList, type Reading } from './message-readings.ts';
import { Random } from './random.ts';

/** Where we and another reader disagree, and mean to. */
export interface Exception {
  what: string;
  /** Why, with the section that says so. */
  because: string;
  covers(found: Disagreement): boolean;
}

const [major = 0, minor = 0] = (process.versions['llhttp'] ?? '').split('.').map(Number);

/** What llhttp, which reads for Node, refused until it was 9.4. */
export const ofOlderParsers: Exception[] =
  major > 9 || (major === 9 && minor >= 4)
    ? []
    : [
        {
          what: 'a tab behind a length',
          because: 'white space around a value is not part of it (RFC 9110 §5.5)',
          covers: ({ what, bytes }) =>
            what === 'a message that only we find' && /Length:[\t ]*\d+ *\t[\t ]*\r/i.test(bytes),
        },
      ];

export interface Comparison {
  seed: number;
  caseCount: number;
  make(grammar: HttpGrammar): string;
  ours(pieces: readonly Buffer[]): Reading;
  /** Reads the bytes of several connections. */
  other(connections: readonly Buffer[]): Promise<Reading[]>;
  mayClose: boolean;
  exceptions: readonly Exception[];
}

export interface Compared {
  /** What went wrong, with the seed and the fewest bytes that show it. */
  failure: string | undefined;
  /** Connections of which both readers took everything, and those that both refused. */
  acceptedCount: number;
  refusedCount: number;
  /** Exceptions that nothing needed. */
  unused: string[];
}

const batchSize = 500;

/** Gives many connections' bytes to two readers. */
export async function compare(comparison: Comparison): Promise<Compared> {
  const { seed, caseCount, make, ours, other, exceptions } = comparison;
  const grammar = new HttpGrammar(new Random(seed));
  const used = new Set<Exception>();
  const compared: Compared = { failure: undefined, acceptedCount: 0, refusedCount: 0, unused: [] };
  for (let done = 0; done < caseCount && compared.failure === undefined; done += batchSize) {
    const batch = Array.from({ length: batchSize }, () => Buffer.from(make(grammar), 'latin1'));
    const readings = await other(batch);
    for (const [i, bytes] of batch.entries()) {
      const reading = ours([bytes]);
      const otherReading = readings[i] as Reading;
      if (reading.isRefused && otherReading.isRefused) compared.refusedCount += 1;
      else if (!reading.isRefused && !otherReading.isRefused) compared.acceptedCount += 1;
      const found = disagreement(bytes.toString('latin1'), { ...comparison, ours: reading, other: otherReading });
      const exception = found && exceptions.find((candidate) => candidate.covers(found));
      if (exception) used.add(exception);
      else if (found) {
        compared.failure = await report(comparison, found.bytes);
        break;
      }
      const pieces = grammar.pieces(bytes);
      if (!isSameReading(ours(pieces), reading)) {
        compared.failure = `seed ${seed}: these pieces are read in another way: ${JSON.stringify(pieces.map(latin1))}`;
        break;
      }
    }
  }
  compared.unused = exceptions.filter((exception) => !used.has(exception)).map(({ what }) => what);
  return compared;
}

/** Leaves away what is not needed to show a disagreement, and tells it. */
async function report(comparison: Comparison, bytes: string): Promise<string> {
  let least = bytes;
  let found = await disagreementOn(comparison, least);
  for (let length = least.length >> 1; length > 0; length = length === 1 ? 0 : length >> 1) {
    for (let at = 0; at < least.length; ) {
      const shorter = least.slice(0, at) + least.slice(at + length);
      const still = await disagreementOn(comparison, shorter);
      if (still) {
        least = shorter;
        found = still;
      } else at += length;
    }
  }
  const { what, index, ours, other } = found as Disagreement;
  const told = `ours ${JSON.stringify(ours)}\nother ${JSON.stringify(other)}`;
  return `seed ${comparison.seed}: ${what}, in message ${index + 1} of\n${JSON.stringify(least)}\n${told}`;
}

async function disagreementOn(comparison: Comparison, text: string): Promise<Disagreement | undefined> {
  const bytes = Buffer.from(text, 'latin1');
  const [other = { messages: [], isRefused: true }] = await comparison.other([bytes]);
  const found = disagreement(text, { ...comparison, ours: comparison.ours([bytes]), other });
  return found && !comparison.exceptions.some((candidate) => candidate.covers(found)) ? found : undefined;
}

function isSameReading(one: Reading, other: Reading): boolean {
  if (one.messages.length !== other.messages.length || one.isRefused !== other.isRefused) return false;
  return one.messages.every((message, i) => {
    const { start, body, isComplete, isKeptAlive, fields, trailers } = other.messages[i] as typeof message;
    const isSameEnd = message.isComplete === isComplete && message.isKeptAlive === isKeptAlive;
    const isSameText = message.start === start && message.body === body;
    return isSameEnd && isSameText && isSameList(message.fields, fields) && isSameList(message.trailers, trailers);
  });
}

function latin1(bytes: Buffer): string {
  return bytes.toString('latin1');
}

/** How many cases a run has, and where chance begins: the same in every run unless it is asked for more. */
export function asked(caseCount: number): { seed: number; caseCount: number } {
  return {
    seed: Number(process.env['ADIT_FUZZ_SEED'] ?? 1),
    caseCount: Number(process.env['ADIT_FUZZ_CASES'] ?? caseCount),
  };
}

/** Blanks behind the size of a chunk, or beside its extension. */
export function hasBlanksInSizeLine(bytes: string): boolean {
  return /\n[\dA-Fa-f]+([\t ]+[;\r]|[^\r\n]*(;[\t ]|[\t ][;=]|=[\t ]))/.test(bytes);
}
