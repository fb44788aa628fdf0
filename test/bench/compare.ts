import { setTimeout as sleep } from 'node:timers/promises';
import type { Metric, Row, Sample } from './rows.ts';
import { median, medianRatio } from './statistics.ts';
import type { Subject } from './subjects/subject.ts';

/** What became of a subject in a row: a sample for every round, or why it cannot do it. */
export type Outcome = { samples: Sample[] } | { cannot: string };

/** One row's outcomes by the ids of subjects. */
export class Comparison {
  readonly row: Row;
  readonly outcomes = new Map<string, Outcome>();

  constructor(row: Row) {
    this.row = row;
  }

  /** Every round's figure of a subject; empty when it cannot do this. */
  figures(subject: string, metric: Metric): number[] {
    const outcome = this.outcomes.get(subject);
    return outcome && 'samples' in outcome ? outcome.samples.map((sample) => sample[metric] ?? Number.NaN) : [];
  }

  median(subject: string, metric: Metric): number {
    return median(this.figures(subject, metric));
  }

  /** NaN when one of the two cannot do this. */
  ratio(subject: string, base: string, metric: Metric): number {
    return medianRatio(this.figures(subject, metric), this.figures(base, metric));
  }
}

/** Measures all subjects in turn, round after round, so that what the machine does meanwhile meets all of them. */
export async function compare(row: Row, subjects: Subject[], rounds: number): Promise<Comparison> {
  const comparison = new Comparison(row);
  for (const { id } of subjects) comparison.outcomes.set(id, { samples: [] });
  for (let round = 0; round < (row.isOnce ? 1 : rounds); round += 1) {
    for (const subject of subjects) {
      const outcome = comparison.outcomes.get(subject.id);
      if (!outcome || 'cannot' in outcome) continue;
      try {
        outcome.samples.push(await row.measure(subject));
      } catch (error) {
        comparison.outcomes.set(subject.id, { cannot: `${(error as Error).message} (round ${round + 1})` });
      }
      // The connections of one load are gone before the next one begins.
      await sleep(30);
    }
  }
  return comparison;
}
