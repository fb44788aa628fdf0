import { parseArgs } from 'node:util';
import type { Wire } from './subjects/adit.ts';

export interface Options {
  /** Ids of the rows to measure; undefined for all that belong to a usual run. */
  only: string[] | undefined;
  rounds: number;
  /** What idle agents speak. */
  wire: Wire;
  /** Other tunnels of the field too. */
  isFull: boolean;
  /** Whether docs/benchmark.json and docs/benchmark.svg are written. */
  isSaved: boolean;
}

const usage = `npm run bench -- [--full] [--save] [--only <row>[,<row>…]] [--rounds <n>] [--wire v1|v2]`;

/** Reads the command line. Throws an Error with one clear line. */
export function readOptions(args: string[], rowIds: string[]): Options {
  const values = parse(args);
  const only = values.only?.split(',');
  const unknown = only?.find((id) => !rowIds.includes(id));
  if (unknown !== undefined) throw new Error(`--only: there is no row "${unknown}"; there are ${rowIds.join(', ')}`);
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 100) throw new Error('--rounds: a count from 1 to 100');
  const { wire } = values;
  if (wire !== 'v1' && wire !== 'v2') throw new Error(`--wire: idle agents speak v1 or v2, not "${wire}"`);
  if (values.save && only) throw new Error('--save keeps whole runs only: leave --only out');
  if (values.save && rounds < 5) throw new Error('--save keeps medians of at least 5 rounds');
  return { only, rounds, wire, isFull: values.full, isSaved: values.save };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        only: { type: 'string' },
        rounds: { type: 'string', default: '5' },
        wire: { type: 'string', default: 'v2' },
        full: { type: 'boolean', default: false },
        save: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new Error(`${(error as Error).message.split('. ')[0]}\nusage: ${usage}`);
  }
}
