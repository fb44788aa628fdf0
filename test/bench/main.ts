/**
 * Measures Adit beside other ways to a private service, in one run: all subjects do the same work in turn, round after
 * round, and medians count. Ends with 1 when a target is missed. What is measured is in rows.ts, of whom in subjects/.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Comparison, compare } from './compare.ts';
import { download, upload } from './load/transfers.ts';
import { runWrk } from './load/wrk.ts';
import { measureIdle, measureManyTunnels } from './many-tunnels.ts';
import { type Options, readOptions } from './options.ts';
import { type Origins, startOrigins } from './origins.ts';
import { chartOf } from './report/chart.ts';
import { documentOf, type Run } from './report/document.ts';
import { printAbsent, printComparison, printConditions, printVerdicts } from './report/table.ts';
import { rows } from './rows.ts';
import { adit } from './subjects/adit.ts';
import { field } from './subjects/field.ts';
import { hubs } from './subjects/hubs.ts';
import { localtunnel } from './subjects/localtunnel.ts';
import { direct, hop } from './subjects/nginx.ts';
import { ssh } from './subjects/ssh.ts';
import { type Absent, bring, type Candidate, type Field, type Subject } from './subjects/subject.ts';
import { judge, type Verdict } from './targets.ts';

const candidates: Candidate[] = [direct, hop, ssh, localtunnel, adit('v1'), adit('v2'), ...hubs()];

const warmUpSeconds = 3;
const warmUpTransfers = 3;

const undo: (() => unknown)[] = [];
const scope = { after: (action: () => unknown) => void undo.unshift(action) };

async function main(options: Options): Promise<void> {
  if (process.platform !== 'linux') throw new Error('processor time and memory are read from /proc: this needs Linux');
  const { only, isSaved } = options;
  const isAsked = (id: string): boolean => only?.includes(id) ?? id !== 'idle';
  const asked = rows.filter(({ id }) => isAsked(id));
  const origins = await startOrigins(scope);
  const run: Run = { rounds: options.rounds, subjects: [], absent: [], comparisons: [], verdicts: [] };
  const fields = new Set<Field>(asked.map(({ field }) => field));
  if (isAsked('tunnels')) fields.add('ways');
  await bringAll(run, { isFull: options.isFull, fields }, origins);
  if (asked.length > 0) {
    printConditions(options.rounds);
    for (const subject of run.subjects) await warmUp(subject);
  }
  for (const row of asked) {
    const subjects = run.subjects.filter(({ fields }) => fields.includes(row.field));
    const comparison: Comparison = await compare(row, subjects, options.rounds);
    run.comparisons.push(comparison);
    printComparison(comparison, subjects);
  }
  printAbsent(run.absent);
  run.verdicts.push(...judge(run.comparisons, [...run.subjects, ...run.absent]));
  if (isAsked('tunnels')) {
    const wire = run.subjects.some(({ id }) => id === 'v2') ? 'v2' : 'v1';
    run.verdicts.push(await measured('tunnels', () => measureManyTunnels(scope, origins, wire)));
  }
  if (isAsked('idle')) run.verdicts.push(await measured('idle', () => measureIdle(scope, options.wire)));
  printVerdicts(run.verdicts);
  save(run, isSaved);
  if (run.verdicts.some(({ verdict }) => verdict === 'missed')) process.exitCode = 1;
}

/**
 * Has a subject do all of it before it is measured: engines find and compile for some seconds what runs often, and a
 * program that serves has that behind it. What a subject cannot do its rows tell.
 */
async function warmUp(subject: Subject): Promise<void> {
  await runWrk(subject, { connections: 32, seconds: warmUpSeconds }).catch(() => undefined);
  for (let i = 0; i < warmUpTransfers; i += 1) {
    await download(subject.web).catch(() => undefined);
    await upload(subject.sink).catch(() => undefined);
  }
}

async function bringAll(
  run: Run,
  { isFull, fields }: { isFull: boolean; fields: ReadonlySet<Field> },
  origins: Origins,
): Promise<void> {
  for (const candidate of isFull ? [...candidates, ...field] : candidates) {
    if (!candidate.fields.some((one) => fields.has(one))) continue;
    const brought: Subject | Absent = await bring(scope, candidate, origins);
    if ('reason' in brought) run.absent.push(brought);
    else run.subjects.push(brought);
  }
}

/** A measurement that could not be made has missed its target. */
async function measured(id: string, measure: () => Promise<Verdict>): Promise<Verdict> {
  return await measure().catch((error: Error) => ({ text: `${id}: ${error.message}`, verdict: 'missed' }));
}

function save(run: Run, isSaved: boolean): void {
  const folder = fileURLToPath(new URL(isSaved ? '../../docs' : '../.out', import.meta.url));
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/benchmark.json`, `${JSON.stringify(documentOf(run), undefined, 2)}\n`);
  if (isSaved) writeFileSync(`${folder}/benchmark.svg`, chartOf(run));
  console.log(`\nSaved to ${isSaved ? 'docs/benchmark.json and docs/benchmark.svg' : 'test/.out/benchmark.json'}.`);
}

function optionsOrUsage(): Options {
  try {
    return readOptions(process.argv.slice(2), [...rows.map(({ id }) => id), 'tunnels', 'idle']);
  } catch (error) {
    console.error((error as Error).message);
    process.exit(2);
  }
}

await main(optionsOrUsage()).finally(async () => {
  for (const action of undo) await action();
});
