import { readdirSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import type { Program } from './processes.ts';
import { visit } from './visit.ts';

/** The current values of a hub's metrics, by name with labels as they are printed. */
export async function hubMetrics(metricsPort: number): Promise<Map<string, number>> {
  const { text } = await visit({ port: metricsPort, host: '127.0.0.1', path: '/metrics' });
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

/** What may not grow: what a hub has under way, and its timers. */
export interface Holdings {
  requests: number;
  sessions: number;
  tunnels: number;
  timers: number;
}

export async function holdings(metricsPort: number): Promise<Holdings> {
  const metrics = await hubMetrics(metricsPort);
  const value = (name: string): number => metrics.get(name) ?? 0;
  return {
    requests: value('adit_requests_in_flight'),
    sessions: value('adit_sessions'),
    tunnels: value('adit_tunnels'),
    timers: value('nodejs_active_resources{type="Timeout"}'),
  };
}

/** Waits until what a hub holds is so. Throws what it holds instead when that takes too long. */
export async function untilHolds(metricsPort: number, isSo: (held: Holdings) => boolean, ms: number): Promise<void> {
  const until = performance.now() + ms;
  for (;;) {
    const held = await holdings(metricsPort);
    if (isSo(held)) return;
    if (performance.now() > until) throw new Error(`after ${ms} ms the hub holds ${JSON.stringify(held)}`);
    await setTimeout(50);
  }
}

/** How many files and sockets a program has open (Linux). */
export function openFiles({ process: { pid } }: Program): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
