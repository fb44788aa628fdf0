import { cpus } from 'node:os';
import type { Comparison } from '../compare.ts';
import { bases } from '../rows.ts';
import { nginxSettings } from '../subjects/nginx.ts';
import type { Absent, Subject } from '../subjects/subject.ts';
import type { Verdict } from '../targets.ts';

export interface Run {
  rounds: number;
  subjects: Subject[];
  absent: Absent[];
  comparisons: Comparison[];
  verdicts: Verdict[];
}

/** A run as a JSON document: medians, and ratios to one nginx hop. */
export function documentOf({ rounds, subjects, absent, comparisons, verdicts }: Run): Record<string, unknown> {
  return {
    at: new Date().toISOString(),
    machine: { cpu: cpus()[0]?.model, cores: cpus().length, platform: process.platform, node: process.version },
    rounds,
    nginxHop: nginxSettings,
    absent: Object.fromEntries(absent.map(({ id, reason }) => [id, reason])),
    rows: comparisons.map((comparison) => ({
      id: comparison.row.id,
      title: comparison.row.title,
      base: bases[comparison.row.field].id,
      subjects: Object.fromEntries(
        subjects.flatMap(({ id }) => (comparison.outcomes.has(id) ? [[id, figuresOf(comparison, id)]] : [])),
      ),
    })),
    targets: verdicts,
  };
}

function figuresOf(comparison: Comparison, id: string): Record<string, unknown> {
  const outcome = comparison.outcomes.get(id);
  if (!outcome || 'cannot' in outcome) return { cannot: outcome?.cannot };
  const { columns, field } = comparison.row;
  const rounded = (value: number): number => Number(value.toPrecision(4));
  const medians = columns.map(({ metric }) => [metric, rounded(comparison.median(id, metric))]);
  const ratio = columns[0] ? rounded(comparison.ratio(id, bases[field].id, columns[0].metric)) : undefined;
  return { ...Object.fromEntries(medians), ratioToBase: ratio };
}
