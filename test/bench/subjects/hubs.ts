import type { Cleanup } from '../../support/processes.ts';
import { startRedis } from '../../support/redis.ts';
import type { Origins } from '../origins.ts';
import { publish, startBenchHub } from './adit.ts';
import type { Candidate, Running } from './subject.ts';

interface TwoHubs {
  /** By way of the hub that the agents are connected to. */
  holder: Running;
  /** By way of the other hub. */
  other: Running;
}

/** The same tunnels at two hubs that share a Redis: at the hub that holds them, and at the other one. */
export function hubs(): Candidate[] {
  let started: Promise<TwoHubs> | undefined;
  const candidate = (id: keyof TwoHubs, name: string): Candidate => ({
    id,
    name,
    fields: ['hubs'],
    async start(scope, origins) {
      started ??= startTwoHubs(scope, origins);
      return (await started)[id];
    },
  });
  return [candidate('holder', 'of two, the holder'), candidate('other', 'of two, the other')];
}

async function startTwoHubs(scope: Cleanup, { web, sink }: Origins): Promise<TwoHubs> {
  const redis = await startRedis(scope);
  const args = ['--redis', redis.url];
  const [first, second] = [await startBenchHub(scope, args), await startBenchHub(scope, args)];
  const toWeb = await publish(scope, first, { wire: 'v2', port: web.port });
  const toSink = await publish(scope, first, { wire: 'v2', port: sink.port });
  const { port } = second;
  return {
    holder: { ...toWeb, sink: toSink.web },
    other: {
      web: { ...toWeb.web, port },
      sink: { ...toSink.web, port },
      pids: [...toWeb.pids, second.program.process.pid ?? 0, redis.pid],
    },
  };
}
