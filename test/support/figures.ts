import { readFileSync } from 'node:fs';
import type { Cleanup, Program } from './processes.ts';

const sampleMs = 50;

/** Watches how much memory programs have resident (Linux). */
export class MemoryWatch {
  readonly #programs: { name: string; program: Program; first: number; most: number }[] = [];

  constructor(t: Cleanup, programs: Record<string, Program>) {
    for (const [name, program] of Object.entries(programs)) {
      const now = residentBytes(program);
      this.#programs.push({ name, program, first: now, most: now });
    }
    const timer = setInterval(() => this.#sample(), sampleMs);
    t.after(() => clearInterval(timer));
  }

  /** The most that each one had since this began, in MB. */
  get most(): Record<string, number> {
    return Object.fromEntries(this.#programs.map(({ name, most }) => [name, megabytes(most)]));
  }

  /** How much more than at the beginning that was. */
  get growth(): Record<string, number> {
    return Object.fromEntries(this.#programs.map(({ name, first, most }) => [name, megabytes(most - first)]));
  }

  #sample(): void {
    for (const entry of this.#programs) entry.most = Math.max(entry.most, residentBytes(entry.program));
  }
}

function megabytes(byteCount: number): number {
  return Math.round(byteCount / 1e5) / 10;
}

/** 0 once the program is gone. */
function residentBytes({ process: { pid } }: Program): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1_024;
  } catch {
    return 0;
  }
}

/** The value that this part of the values does not exceed. */
export function percentile(values: number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)] as number;
}
