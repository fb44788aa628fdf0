import { type Cleanup, type HubProcess, startAgent, startHub } from '../../support/processes.ts';
import type { Candidate, Running } from './subject.ts';

export type Wire = 'v1' | 'v2';

/** A hub whose limits are on, at figures that the bench never reaches. */
export async function startBenchHub(scope: Cleanup, args: string[] = []): Promise<HubProcess> {
  const limits = ['--rate-limit', '1000000000/1m', '--max-body', 'unlimited'];
  return await startHub(scope, [...limits, '--log-level', 'info', ...args]);
}

/** Publishes a port of this machine through a hub. */
export async function publish(
  scope: Cleanup,
  hub: HubProcess,
  { wire, port }: { wire: Wire; port: number },
): Promise<Pick<Running, 'web' | 'pids'>> {
  const agent = await startAgent(scope, ['--hub', hub.url, '--wire', wire, `http://127.0.0.1:${port}`]);
  const pids = [hub, agent].map(({ program }) => program.process.pid ?? 0);
  return { web: { port: hub.port, host: agent.hostname }, pids };
}

export function adit(wire: Wire): Candidate {
  return {
    id: wire,
    name: `Adit, wire ${wire}`,
    fields: wire === 'v2' ? ['ways', 'hubs'] : ['ways'],
    async start(scope, { web, sink }) {
      const hub = await startBenchHub(scope);
      const published = await publish(scope, hub, { wire, port: web.port });
      const other = await publish(scope, hub, { wire, port: sink.port });
      return { ...published, sink: other.web };
    },
  };
}
