import pc from 'picocolors';
import type { Comparison, Outcome } from '../compare.ts';
import { bases } from '../rows.ts';
import { nginxSettings } from '../subjects/nginx.ts';
import type { Absent, Subject } from '../subjects/subject.ts';
import type { Verdict } from '../targets.ts';

const nameWidth = 18;
const width = 12;

export function printConditions(rounds: number): void {
  console.log(
    `\nMedians of ${rounds} interleaved rounds, and of each round's ratio to a base. One nginx hop runs with`,
  );
  for (const line of nginxSettings) console.log(pc.dim(`  ${line}`));
}

/** One row of the bench as a table on the terminal, a subject a line. */
export function printComparison(comparison: Comparison, subjects: Subject[]): void {
  const { row } = comparison;
  const [main] = row.columns;
  const headings = [main?.unit ?? '', `× ${bases[row.field].name}`, ...row.columns.slice(1).map(({ unit }) => unit)];
  console.log(`\n${pc.bold(row.title)}`);
  console.log(pc.dim(' '.repeat(nameWidth) + headings.map((heading) => heading.padStart(width)).join('')));
  for (const { id, name } of subjects) {
    console.log(name.padEnd(nameWidth) + cellsOf(comparison, id, comparison.outcomes.get(id)));
  }
}

function cellsOf(comparison: Comparison, id: string, outcome: Outcome | undefined): string {
  if (outcome === undefined || 'cannot' in outcome) return pc.dim(`  cannot: ${outcome?.cannot ?? 'not tried'}`);
  const [main, ...others] = comparison.row.columns;
  if (!main) return '';
  const figure = ({ metric, digits }: typeof main): string => format(comparison.median(id, metric), digits);
  const ratio = format(comparison.ratio(id, bases[comparison.row.field].id, main.metric), 2);
  return [figure(main), ratio, ...others.map(figure)].map((cell) => cell.padStart(width)).join('');
}

export function printAbsent(absent: Absent[]): void {
  if (absent.length > 0) console.log(`\n${pc.bold('absent')}`);
  for (const { name, reason } of absent) console.log(`${name.padEnd(nameWidth)}  ${pc.dim(reason)}`);
}

export function printVerdicts(verdicts: Verdict[]): void {
  if (verdicts.length > 0) console.log(`\n${pc.bold('targets')}`);
  for (const { text, verdict } of verdicts) console.log(`${colours[verdict](verdict.padEnd(nameWidth - 5))}${text}`);
}

const colours = { met: pc.green, missed: pc.red, 'not checked': pc.dim };

function format(value: number, digits: number): string {
  if (Number.isNaN(value)) return '–';
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
