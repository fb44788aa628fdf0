import { setTimeout as sleep } from 'node:timers/promises';
import type { Cleanup } from '../support/processes.ts';
import { registerIdle } from './idle-agents.ts';
import { runWrk } from './load/wrk.ts';
import type { Origins } from './origins.ts';
import { medianRatio } from './statistics.ts';
import { publish, startBenchHub, type Wire } from './subjects/adit.ts';
import type { Verdict } from './targets.ts';
import { residentMegabytes } from './usage.ts';

const tunnelCount = 5_000;
const pairs = 9;
const target = 0.9;

const idleCount = 10_000;
const idleTargetKb = 25;
/** Long enough for the hub to have pinged everybody, and to have let go of what registrations needed. */
const settleMs = 25_000;

/** Whether a hub with many tunnels serves one of them as fast as a hub with that one alone. */
export async function measureManyTunnels(scope: Cleanup, origins: Origins, wire: Wire): Promise<Verdict> {
  const hubs = [await startBenchHub(scope), await startBenchHub(scope)] as const;
  const origin = { wire, port: origins.web.port };
  const subjects = { alone: await publish(scope, hubs[0], origin), among: await publish(scope, hubs[1], origin) };
  const idle = await registerIdle(scope, hubs[1], tunnelCount, wire);
  const rates = { alone: [] as number[], among: [] as number[] };
  const load = { connections: 32, seconds: 1 };
  for (const subject of Object.values(subjects)) await runWrk(subject, load);
  for (let pair = 0; pair < pairs; pair += 1) {
    // Each is the first of a pair as often as the other.
    const order = pair % 2 === 0 ? (['alone', 'among'] as const) : (['among', 'alone'] as const);
    for (const which of order) rates[which].push((await runWrk(subjects[which], load)).rate);
  }
  if (idle.count() < tunnelCount) throw new Error(`${tunnelCount - idle.count()} idle tunnels were lost`);
  const ratio = medianRatio(rates.among, rates.alone);
  const count = tunnelCount.toLocaleString('en');
  const text = `tunnels: Adit, wire ${wire} with ${count} other tunnels ≥ ${target} × with none in speed`;
  return { text: `${text}: ${ratio.toFixed(3)}`, verdict: ratio >= target ? 'met' : 'missed' };
}

/** What a hub's memory grows by for an agent that does nothing. */
export async function measureIdle(scope: Cleanup, wire: Wire): Promise<Verdict> {
  const hub = await startBenchHub(scope);
  const pids = [hub.program.process.pid ?? 0];
  // The first registrations load code, which is no agent's.
  await registerIdle(scope, hub, 100, wire);
  await sleep(1_000);
  const before = residentMegabytes(pids);
  const idle = await registerIdle(scope, hub, idleCount, wire);
  await sleep(settleMs);
  const kbEach = ((residentMegabytes(pids) - before) * 1_000) / idleCount;
  if (idle.count() < idleCount) throw new Error(`${idleCount - idle.count()} idle agents were lost`);
  const text = `idle: ≤ ${idleTargetKb} kB of the hub's memory for each of ${idleCount.toLocaleString('en')} agents of wire ${wire}`;
  return { text: `${text}: ${kbEach.toFixed(1)} kB`, verdict: kbEach <= idleTargetKb ? 'met' : 'missed' };
}
