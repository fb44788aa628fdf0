import { type AgentProcess, type Cleanup, freePort, type HubProcess, startAgent, startHub } from './processes.ts';
import { type RedisServer, startRedis } from './redis.ts';
import { Relay } from './relay.ts';
import type { Way } from './relay-pipe.ts';
import { visit } from './visit.ts';
import type { Target } from './visitor-loop.ts';

/** How often the balancer asks the hubs whether they are ready. */
const askMs = 200;

/** A hub of a cluster, which keeps its port when it is started again. */
export interface ClusterHub extends HubProcess {
  metricsPort: number;
}

export interface ClusterOptions {
  hubs: number;
  hubArgs?: string[];
  /** Shared instead of a Redis of the cluster's own. */
  redisUrl?: string;
  /** The network between agents and hubs. */
  way?: Way;
}

/** Hubs that share a Redis, behind one balancer for agents and one for visitors; a hub alone needs no Redis. */
export class Cluster {
  readonly redis: RedisServer | undefined;
  /** By turns each connection leads to another hub that is ready. */
  readonly agents: Relay;
  readonly visitors: Relay;
  readonly hubs: ClusterHub[] = [];
  /** A relay between each hub and Redis. */
  readonly redisWays: Relay[] = [];
  readonly #t: Cleanup;
  readonly #args: string[];
  #firstHub: number | undefined;

  private constructor(
    t: Cleanup,
    redis: RedisServer | undefined,
    relays: [agents: Relay, visitors: Relay],
    args: string[],
  ) {
    this.#t = t;
    this.redis = redis;
    [this.agents, this.visitors] = relays;
    this.#args = args;
  }

  static async start(t: Cleanup, { hubs, hubArgs = [], redisUrl, way }: ClusterOptions): Promise<Cluster> {
    const redis = hubs > 1 && redisUrl === undefined ? await startRedis(t) : undefined;
    const agents = await Relay.start(t, [], way);
    const usual = ['--base', `http://localhost:${agents.port}`, '--rate-limit', 'off'];
    if (redisUrl !== undefined) usual.push('--redis', redisUrl);
    const cluster = new Cluster(t, redis, [agents, await Relay.start(t)], [...usual, ...hubArgs]);
    for (let i = 0; i < hubs; i += 1) {
      if (redis) cluster.redisWays.push(await Relay.start(t, [redis.port]));
      cluster.hubs.push(await cluster.#startHub(i, await freePort()));
    }
    await cluster.#balance();
    const timer = setInterval(() => void cluster.#balance(), askMs);
    t.after(() => clearInterval(timer));
    return cluster;
  }

  /** Publishes a service through any hub, or first through the one that is named. */
  async startAgent(originPort: number, hub?: number): Promise<AgentProcess> {
    this.#firstHub = hub;
    await this.#balance();
    const agent = await startAgent(this.#t, ['--hub', `http://localhost:${this.agents.port}`, String(originPort)]);
    this.#firstHub = undefined;
    return agent;
  }

  /** Where visitors of an agent find it: at any hub, or at the one that is named. */
  target({ hostname }: { hostname: string }, hub?: number): Target {
    return { port: hub === undefined ? this.visitors.port : (this.hubs[hub] as ClusterHub).port, host: hostname };
  }

  /** Starts a hub that has ended again, and waits until the balancer uses it. */
  async restart(index: number): Promise<void> {
    const { port } = this.hubs[index] as ClusterHub;
    this.hubs[index] = await this.#startHub(index, port);
    while (!this.visitors.targets.includes(port)) await this.#balance();
  }

  async #startHub(index: number, port: number): Promise<ClusterHub> {
    const way = this.redisWays[index];
    const redis = way ? ['--redis', `redis://127.0.0.1:${way.port}`] : [];
    const listen = ['--listen', `127.0.0.1:${port}`, '--metrics-listen', '127.0.0.1:0'];
    const hub = await startHub(this.#t, [...listen, ...redis, ...this.#args]);
    const metricsPort = Number(await hub.program.line((line) => /"metricsPort":(\d+)/.exec(line)?.[1]));
    return { ...hub, metricsPort };
  }

  async #balance(): Promise<void> {
    const ports = await Promise.all(this.hubs.map(async ({ port }) => ((await isReady(port)) ? [port] : [])));
    const first = this.#firstHub === undefined ? undefined : this.hubs[this.#firstHub];
    this.agents.targets = first ? [first.port] : ports.flat();
    this.visitors.targets = ports.flat();
  }
}

async function isReady(port: number): Promise<boolean> {
  const answer = visit({ port, host: '127.0.0.1', path: '/readyz' });
  return await answer.then(
    ({ status }) => status === 200,
    () => false,
  );
}
