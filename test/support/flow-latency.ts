import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { percentile } from './figures.ts';
import type { FlowOrigin } from './flow.ts';
import type { Tunnel } from './processes.ts';
import { visit } from './visit.ts';

/** How long small requests take one after the other, in milliseconds. */
export async function smallRequests({ port, host }: Tunnel, count: number, agent: http.Agent): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const startedAt = performance.now();
    const { text } = await visit({ port, host, path: '/small', agent });
    if (text !== 'small') throw new Error(`the answer was ${text}`);
    times.push(performance.now() - startedAt);
  }
  return times;
}

let bulkCount = 0;

/** Begins a body without end, of a visitor that is a process of its own. Resolves once it is well under way. */
export async function beginBulk(
  { tunnel: { port, host }, origin }: { tunnel: Tunnel; origin: FlowOrigin },
  direction: 'down' | 'up',
): Promise<{ stop(): Promise<void> }> {
  bulkCount += 1;
  const path = direction === 'down' ? `/down/1000000000000?${bulkCount}` : `/up?${bulkCount}`;
  const body = direction === 'down' ? [] : ['-X', 'POST', '-T', '/dev/zero'];
  const args = ['-s', '-o', '/dev/null', '-H', `Host: ${host}`, '-H', 'Expect:', ...body];
  const curl = spawn('curl', [...args, `http://127.0.0.1:${port}${path}`], { stdio: 'ignore' });
  const closed = once(curl, 'close');
  await origin.event(path, 'begun');
  return {
    async stop() {
      curl.kill('SIGKILL');
      await closed;
      await origin.event(path, 'aborted');
    },
  };
}

export interface Latencies {
  idle: number;
  download: number;
  upload: number;
}

/** The 99th percentile of small requests: alone, and beside a body that runs through the same tunnel. */
export async function latencies(
  at: { tunnel: Tunnel; origin: FlowOrigin },
  { rounds, perRound }: { rounds: number; perRound: number },
): Promise<Latencies> {
  const { tunnel } = at;
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  await smallRequests(tunnel, perRound, agent);
  const idle: number[] = [];
  const down: number[] = [];
  const up: number[] = [];
  // By turns, since what else this machine does changes all the time.
  for (let round = 0; round < rounds; round += 1) {
    idle.push(...(await smallRequests(tunnel, perRound, agent)));
    for (const [direction, times] of [['down', down] as const, ['up', up] as const]) {
      const running = await beginBulk(at, direction);
      times.push(...(await smallRequests(tunnel, perRound, agent)));
      await running.stop();
    }
  }
  agent.destroy();
  return { idle: percentile(idle, 0.99), download: percentile(down, 0.99), upload: percentile(up, 0.99) };
}
