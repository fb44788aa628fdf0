/**
 * Measures wire v1 against one hop of nginx to the same origin, in one run: rounds are interleaved and the median counts,
 * since machines are noisy. Ends with 1 when the ratio is below the target.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { startNginx } from '../support/nginx.ts';
import { freePort, type Program, startAgent, startHub, temporaryFolder } from '../support/processes.ts';

const rounds = 5;
const seconds = 4;
const connectionCounts = [1, 32, 128];
/** Of one nginx hop's requests/s at 32 connections. */
const target = 0.16;

const undo: (() => unknown)[] = [];
const scope = { after: (action: () => unknown) => void undo.unshift(action) };

interface Subject {
  name: string;
  url: string;
  host: string;
  /** The programs whose processor time counts. */
  programs: { pid: number | undefined }[];
}

interface Sample {
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  cpuSecondsPer10k: number;
}

async function main(): Promise<void> {
  const originPort = await freePort();
  const hopPort = await freePort();
  const folder = temporaryFolder(scope);
  await startNginx(scope, `${folder}/origin`, [
    `server { listen 127.0.0.1:${originPort}; keepalive_requests 100000000; location / { return 200 "${'a'.repeat(100)}"; } }`,
  ]);
  const hop = await startNginx(scope, `${folder}/hop`, [
    `upstream origin { server 127.0.0.1:${originPort}; keepalive 128; keepalive_requests 100000000; }`,
    `server { listen 127.0.0.1:${hopPort}; keepalive_requests 100000000; location / {
       proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; } }`,
  ]);
  const hub = await startHub(scope, ['--rate-limit', '1000000000/1m', '--log-level', 'info']);
  const agent = await startAgent(scope, ['--hub', hub.url, '--wire', 'v1', `http://127.0.0.1:${originPort}`]);
  const subjects: Subject[] = [
    { name: 'nginx, one hop', url: `http://127.0.0.1:${hopPort}/`, host: 'localhost', programs: [hop] },
    {
      name: 'adit, wire v1',
      url: `http://127.0.0.1:${hub.port}/`,
      host: agent.hostname,
      programs: [hub.program, agent.program].map(pidOf),
    },
  ];
  for (const subject of subjects) await measure(subject, { connections: 32, seconds: 2 });
  const ratios = new Map<number, number>();
  for (const connections of connectionCounts) ratios.set(connections, await compare(subjects, connections));
  const ratio = ratios.get(32) ?? 0;
  console.log(`\n${ratio.toFixed(3)} of one nginx hop at 32 connections; the target is ${target}.`);
  process.exitCode = ratio >= target ? 0 : 1;
}

/** Measures all subjects in turn, prints their medians, and gives the median of the second one's ratio to the first. */
async function compare(subjects: Subject[], connections: number): Promise<number> {
  const samples = new Map<Subject, Sample[]>(subjects.map((subject) => [subject, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const subject of subjects) samples.get(subject)?.push(await measure(subject, { connections, seconds }));
  }
  const [base = [], other = []] = [...samples.values()];
  const ratio = median(other.map((sample, i) => sample.requestsPerSecond / (base[i]?.requestsPerSecond ?? Number.NaN)));
  console.log(`\n${connections} connections, 100-byte responses, medians of ${rounds} rounds of ${seconds} s`);
  for (const [{ name }, list] of samples) {
    const of = (pick: (sample: Sample) => number): number => median(list.map(pick));
    console.log(
      `  ${name.padEnd(16)}${of((s) => s.requestsPerSecond)
        .toFixed(0)
        .padStart(8)} req/s   p50 ${of((s) => s.p50Ms).toFixed(2)} ms   p99 ${of((s) => s.p99Ms).toFixed(2)} ms   ` +
        `${of((s) => s.cpuSecondsPer10k).toFixed(2)} CPU s per 10,000`,
    );
  }
  console.log(`  ratio ${ratio.toFixed(3)}`);
  return ratio;
}

async function measure(subject: Subject, load: { connections: number; seconds: number }): Promise<Sample> {
  const before = cpuSeconds(subject);
  const args = ['-t1', `-c${load.connections}`, `-d${load.seconds}`, '--latency', '-H', `Host: ${subject.host}`];
  const { stdout } = await promisify(execFile)('wrk', [...args, subject.url]);
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`${subject.name} failed under load:\n${stdout}`);
  const number = (pattern: RegExp): string => pattern.exec(stdout)?.[1] ?? '';
  const requestsPerSecond = Number(number(/Requests\/sec:\s+([\d.]+)/));
  const cpu = cpuSeconds(subject) - before;
  return {
    requestsPerSecond,
    p50Ms: toMs(number(/50%\s+(\S+)/)),
    p99Ms: toMs(number(/99%\s+(\S+)/)),
    cpuSecondsPer10k: (cpu / (requestsPerSecond * load.seconds)) * 10_000,
  };
}

/** Processor time of the subject's processes and their children so far, as Linux tells it in hundredths. */
function cpuSeconds({ programs }: Subject): number {
  const ticks = programs
    .flatMap(({ pid }) => [pid, ...childrenOf(pid)])
    .map((pid) => {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      return Number(stat[11]) + Number(stat[12]);
    });
  return ticks.reduce((sum, count) => sum + count, 0) / 100;
}

function childrenOf(pid: number | undefined): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

function pidOf(program: Program): { pid: number | undefined } {
  return { pid: program.process.pid };
}

function toMs(text: string): number {
  const unitMs = text.endsWith('us') ? 0.001 : text.endsWith('ms') ? 1 : 1_000;
  return Number.parseFloat(text) * unitMs;
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

await main().finally(async () => {
  for (const action of undo) await action();
});
