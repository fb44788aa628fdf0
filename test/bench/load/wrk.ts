import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Subject } from '../subjects/subject.ts';
import { cpuSeconds } from '../usage.ts';

export type WrkSample = Record<'rate' | 'p50' | 'p99' | 'cpu', number>;

/** Asks over keep-alive connections, each for one answer after the other, and times every answer. */
export async function runWrk(
  { web, pids }: Pick<Subject, 'web' | 'pids'>,
  { connections, seconds, path = '/' }: { connections: number; seconds: number; path?: string },
): Promise<WrkSample> {
  const args = ['-t1', `-c${connections}`, `-d${seconds}`, '--latency', '-H', `Host: ${web.host}`];
  const before = cpuSeconds(pids);
  const { stdout } = await promisify(execFile)('wrk', [...args, `http://127.0.0.1:${web.port}${path}`]);
  const cpu = cpuSeconds(pids) - before;
  const failure = /^.*(Non-2xx|Socket errors).*$/m.exec(stdout)?.[0];
  if (failure !== undefined) throw new Error(failure.trim());
  const found = (pattern: RegExp): string => pattern.exec(stdout)?.[1] ?? '';
  const count = Number(found(/(\d+) requests in/));
  if (count === 0) throw new Error(`no answer came within ${seconds} s`);
  return {
    rate: Number(found(/Requests\/sec:\s+([\d.]+)/)),
    // At the beginning of a line: a share of requests further up may end in the same digits.
    p50: toMs(found(/^ +50%\s+(\S+)/m)),
    p99: toMs(found(/^ +99%\s+(\S+)/m)),
    cpu: (cpu / count) * 10_000,
  };
}

function toMs(text: string): number {
  const unitMs = text.endsWith('us') ? 0.001 : text.endsWith('ms') ? 1 : 1_000;
  return Number.parseFloat(text) * unitMs;
}
