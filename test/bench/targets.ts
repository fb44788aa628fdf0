import type { Comparison } from './compare.ts';
import type { Metric } from './rows.ts';
import type { Absent, Subject } from './subjects/subject.ts';

interface Target {
  row: string;
  subject: string;
  /** Whose figures in the same rounds the subject's are a multiple of. */
  against: string;
  metric: Metric;
  atLeast?: number;
  atMost?: number;
}

export interface Verdict {
  text: string;
  verdict: 'met' | 'missed' | 'not checked';
}

const speedRows = ['c1', 'c32', 'c128', '100kB', 'down', 'up', 'messages'];
const ahead = { subject: 'v2', metric: 'rate', atLeast: 1 } as const;
/** At another hub than the one that agents dial, against a hub that stands alone. */
const elsewhere = { subject: 'other', against: 'v2', metric: 'rate' } as const;

const targets: Target[] = [
  ...['c32', 'c128'].flatMap((row): Target[] => [
    { row, subject: 'v2', against: 'hop', metric: 'rate', atLeast: 0.6 },
    { row, subject: 'v2', against: 'hop', metric: 'cpu', atMost: 2 },
    { row, subject: 'v2', against: 'hop', metric: 'p99', atMost: 4 },
  ]),
  { row: 'down', subject: 'v2', against: 'hop', metric: 'rate', atLeast: 0.55 },
  { row: 'up', subject: 'v2', against: 'hop', metric: 'rate', atLeast: 0.55 },
  ...speedRows.map((row): Target => ({ ...ahead, row, against: 'localtunnel' })),
  { row: 'roundtrip', subject: 'v2', against: 'localtunnel', metric: 'p50', atMost: 1 },
  { ...ahead, row: 'c32', against: 'ssh' },
  { ...ahead, row: '100kB', against: 'ssh' },
  { row: 'c32', subject: 'v1', against: 'hop', metric: 'rate', atLeast: 0.16 },
  ...['hubs-c32', 'hubs-c128'].map((row): Target => ({ ...elsewhere, row, atLeast: 0.8 })),
  ...['hubs-down', 'hubs-up'].map((row): Target => ({ ...elsewhere, row, atLeast: 0.5 })),
];

/** Judges the targets of the rows that were measured. */
export function judge(comparisons: Comparison[], subjects: (Subject | Absent)[]): Verdict[] {
  return targets.flatMap((target) => {
    const comparison = comparisons.find(({ row }) => row.id === target.row);
    return comparison ? [judgeOne(target, comparison, subjects)] : [];
  });
}

function judgeOne(target: Target, comparison: Comparison, subjects: (Subject | Absent)[]): Verdict {
  const { subject, against, metric, atLeast, atMost } = target;
  const nameOf = (id: string): string => subjects.find((one) => one.id === id)?.name ?? id;
  const bound = atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`;
  const text = `${target.row}: ${nameOf(subject)} ${bound} × ${nameOf(against)} in ${metricNames[metric]}`;
  const isMeasured = (id: string): boolean => comparison.figures(id, metric).length > 0;
  // What ours cannot do is missed; what another cannot do, we need not be ahead of.
  if (!isMeasured(subject)) return { text: `${text}: it was not measured`, verdict: 'missed' };
  if (!isMeasured(against)) return { text: `${text}: the other was not measured`, verdict: 'not checked' };
  const ratio = comparison.ratio(subject, against, metric);
  const isMet = ratio >= (atLeast ?? 0) && ratio <= (atMost ?? Number.POSITIVE_INFINITY);
  return { text: `${text}: ${ratio.toFixed(3)}`, verdict: isMet ? 'met' : 'missed' };
}

const metricNames: Record<Metric, string> = {
  rate: 'speed',
  p50: 'p50',
  p99: 'p99',
  cpu: 'processor time',
  memory: 'memory',
};
