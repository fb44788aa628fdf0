import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Cluster, type ClusterHub, type ClusterOptions } from './cluster.ts';
import { hubMetrics } from './hub-metrics.ts';
import { JournalOrigin } from './journal-origin.ts';
import type { AgentProcess, Cleanup } from './processes.ts';
import { type RedisServer, startRedisCluster, startRedisSentinel } from './redis.ts';
import type { Relay } from './relay.ts';
import { Tally } from './tally.ts';
import { type Visit, visit } from './visit.ts';
import { VisitorLoop } from './visitor-loop.ts';
import { within } from './within.ts';

/** Two hubs, an agent at each, and visitors of either at either. */
interface Two {
  cluster: Cluster;
  redis: RedisServer;
  origin: JournalOrigin;
  /** The agent that is connected to that hub. */
  agents: [AgentProcess, AgentProcess];
}

async function startTwo(t: Cleanup, options: Omit<ClusterOptions, 'hubs'> = {}): Promise<Two> {
  const origin = await JournalOrigin.start(t);
  const cluster = await Cluster.start(t, { hubs: 2, ...options });
  const agents: Two['agents'] = [await cluster.startAgent(origin.port, 0), await cluster.startAgent(origin.port, 1)];
  return { cluster, redis: cluster.redis as RedisServer, origin, agents };
}

/** One request to the agent of hub `agent`, by way of hub `hub`. */
async function ask({ cluster, agents }: Two, agent: 0 | 1, hub: 0 | 1, path = '/hash'): Promise<Visit> {
  return await visit({ ...cluster.target(agents[agent], hub), path });
}

/** Waits until requests pass between the hubs, both ways. */
async function healed(two: Two): Promise<void> {
  for (;;) {
    const answers = await Promise.all([ask(two, 0, 1), ask(two, 1, 0)]);
    if (answers.every(({ status }) => status === 200)) return;
    await setTimeout(20);
  }
}

async function ready({ cluster }: Two, hub: 0 | 1): Promise<number> {
  const { port } = cluster.hubs[hub] as ClusterHub;
  return (await visit({ port, host: '127.0.0.1', path: '/readyz' })).status;
}

async function untilReady(two: Two, hub: 0 | 1, status: number): Promise<void> {
  while ((await ready(two, hub)) !== status) await setTimeout(20);
}

export function testRedisKilled(options: { skip: string | false }): void {
  test('while Redis is gone, local requests are served and others fail fast; then all is well', options, async (t) => {
    const two = await startTwo(t);
    await healed(two);
    await two.redis.stop();
    await untilReady(two, 0, 503);
    assert.equal((await within(1_000, ask(two, 0, 0))).status, 200);
    const { status, headers } = await within(1_000, ask(two, 0, 1));
    assert.equal(status, 503, String(headers['adit-error']));
    await two.redis.start();
    await within(2_000, healed(two));
    assert.deepEqual(two.origin.repeatedPosts, []);
  });
}

/** Of a Redis that was stopped for less than requests wait, visitors see a delay. */
export function testRedisStopped(stoppedMs: number, skip: string | false): void {
  test(`what is sent while Redis hangs for ${stoppedMs} ms is answered late or with an error, once`, {
    skip,
  }, async (t) => {
    const two = await startTwo(t);
    await healed(two);
    const tally = new Tally();
    const loops = ([0, 1] as const).map((hub) =>
      VisitorLoop.start(t, two.cluster.target(two.agents[0], hub), { form: 'close', tally, pauseMs: 50 }),
    );
    await setTimeout(200);
    two.redis.pause();
    await setTimeout(stoppedMs);
    two.redis.resume();
    await within(1_500, healed(two));
    await Promise.all(loops.map((loop) => loop.stop()));
    t.diagnostic(tally.summary);
    tally.check(two.origin);
    for (const error of tally.declared.keys()) assert.match(error, /^50[34] /);
  });
}

export function testHubCutFromRedis(skip: string | false): void {
  test('a hub that is cut from Redis is not ready, serves its own agents, and leaves the others alone', {
    skip,
  }, async (t) => {
    const two = await startTwo(t);
    await healed(two);
    const [way] = two.cluster.redisWays as [Relay, Relay];
    way.isRefusing = true;
    way.cut();
    await within(5_000, untilReady(two, 0, 503));
    assert.equal((await within(1_000, ask(two, 0, 0))).status, 200);
    assert.equal((await within(1_000, ask(two, 1, 1))).status, 200);
    assert.equal(await ready(two, 1), 200);
    way.isRefusing = false;
    await within(2_000, healed(two));
    assert.equal(await ready(two, 0), 200);
  });
}

/** The other hub has the agent give up what it has of the one that is cut, which goes on from where it was. */
export function testHubCalledGone(skip: string | false): void {
  test('a hub that was called gone while it was cut from Redis reaches all agents again, and costs nobody a session', {
    skip,
  }, async (t) => {
    const two = await startTwo(t);
    await healed(two);
    const { agents, cluster, origin } = two;
    // More has gone this way than the other.
    await visit({ ...cluster.target(agents[1], 0), method: 'POST', path: '/hash', body: Buffer.alloc(30_000) });
    const [way] = cluster.redisWays as [Relay, Relay];
    const from = agents[1].program.lines.length;
    way.isRefusing = true;
    way.cut();
    const local = ask(two, 1, 1, '/after/6000');
    await origin.entry('/after/6000');
    const { metricsPort } = cluster.hubs[1] as ClusterHub;
    const goneCount = async () => (await hubMetrics(metricsPort)).get('adit_bus_nodes_gone_total') ?? 0;
    await within(
      10_000,
      (async () => {
        while ((await goneCount()) === 0) await setTimeout(20);
      })(),
    );
    way.isRefusing = false;
    await within(3_000, healed(two));
    assert.equal((await local).status, 200);
    assert.deepEqual(agents[1].program.lines.slice(from), []);
  });
}

export function testSubscribersKilled(skip: string | false): void {
  test('hubs whose subscriptions are killed are soon back, and lose no agent', { skip }, async (t) => {
    const two = await startTwo(t);
    await healed(two);
    const tally = new Tally();
    const loop = VisitorLoop.start(t, two.cluster.target(two.agents[0], 1), { form: 'close', tally, pauseMs: 10 });
    for (let i = 0; i < 3; i += 1) {
      await two.redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
      // What was sent meanwhile is asked for again after a second.
      await within(3_000, healed(two));
    }
    await loop.stop();
    tally.check(two.origin);
    assert.equal(tally.declaredCount, 0, tally.summary);
  });
}

export function testHubGone(skip: string | false): void {
  test('requests by way of a hub that is killed end at once, and its agent serves at the other', {
    skip,
  }, async (t) => {
    const two = await startTwo(t, { hubArgs: ['--timeout', '20s'] });
    await healed(two);
    const waiting = ask(two, 0, 1, '/after/15000');
    await two.origin.entry('/after/15000');
    const { agents, cluster } = two;
    const from = agents[0].program.lines.length;
    await (cluster.hubs[0] as ClusterHub).program.stop('SIGKILL');
    // The session is resumed at the other hub, so the request goes on; its agent is the one that was asked.
    await agents[0].event('online', from);
    await within(
      3_000,
      (async () => {
        while ((await ask(two, 0, 1)).status !== 200) await setTimeout(20);
      })(),
    );
    const { status } = await waiting;
    assert.ok([200, 502].includes(status), `${status}`);
  });
}

export function testSentinel(skip: string | false): void {
  test('a fail-over of Redis is over within 10 s', { skip }, async (t) => {
    const { url, master } = await startRedisSentinel(t);
    const two = await startTwo(t, { redisUrl: url });
    await healed(two);
    await master.stop();
    await untilReady(two, 0, 503);
    await within(10_000, healed(two));
  });
}

export function testRedisCluster(skip: string | false): void {
  test('hubs that share a Redis Cluster reach each other', { skip }, async (t) => {
    const { url } = await startRedisCluster(t);
    const two = await startTwo(t, { redisUrl: url });
    await within(5_000, healed(two));
  });
}
