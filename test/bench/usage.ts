import { readFileSync } from 'node:fs';

/** Linux counts processor time in hundredths of a second. */
const ticksPerSecond = 100;

/** Processor seconds that processes and their descendants have used so far. */
export function cpuSeconds(pids: number[]): number {
  const ticks = pids.flatMap(withDescendants).map((pid) => {
    // The name of the program, in parentheses, may hold spaces itself.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  });
  return ticks.reduce((sum, count) => sum + count, 0) / ticksPerSecond;
}

/** Megabytes of memory that processes and their descendants hold. */
export function residentMegabytes(pids: number[]): number {
  const kibibytes = pids
    .flatMap(withDescendants)
    .map((pid) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0));
  return (kibibytes.reduce((sum, count) => sum + count, 0) * 1_024) / 1e6;
}

/** How many files this process may have open. */
export function openFileLimit(): number {
  return Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
}

function withDescendants(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  return [pid, ...children.flatMap(withDescendants)];
}
