import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { MemoryWatch } from '../support/figures.ts';
import { FlowOrigin } from '../support/flow.ts';
import { reading, readUpTo } from '../support/flow-stalled.ts';
import { freePort, startAgent, startHub } from '../support/processes.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { visit } from '../support/visit.ts';

const visitorCount = 200;
const mostRedisMegabytes = 64;
const mostHubMegabytes = 100;
const mostSmallMs = 1_000;
/** How long nobody reads. */
const stalledMs = 5_000;

/** What Redis holds, and what waits there for hubs that do not read, in bytes. */
async function heldByRedis(redis: RedisServer): Promise<{ used: number; waiting: number }> {
  const memory = await redis.command('INFO', 'memory');
  const clients = await redis.command('CLIENT', 'LIST');
  const waiting = [...clients.matchAll(/ omem=(\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
  return { used: Number(/^used_memory:(\d+)/m.exec(memory)?.[1]), waiting };
}

for (const byteCount of [1, 1_000_000]) {
  test(`${visitorCount} visitors of another hub that stop after ${byteCount} bytes fill neither Redis nor hubs`, async (t) => {
    const origin = await FlowOrigin.start(t);
    const redis = await startRedis(t);
    const start = async () => {
      const shared = ['--listen', `127.0.0.1:${await freePort()}`, '--redis', redis.url];
      return await startHub(t, [...shared, '--max-body', 'unlimited', '--rate-limit', 'off']);
    };
    const [visited, dialled] = [await start(), await start()];
    const agent = await startAgent(t, ['--hub', dialled.url, String(origin.port)]);
    const target = { port: visited.port, host: agent.hostname };
    assert.equal((await visit({ ...target, path: '/small' })).text, 'small');

    const before = await heldByRedis(redis);
    const most = { ...before };
    const sample = async (): Promise<void> => {
      const { used, waiting } = await heldByRedis(redis);
      most.used = Math.max(most.used, used);
      most.waiting = Math.max(most.waiting, waiting);
    };
    const memory = new MemoryWatch(t, { visited: visited.program, dialled: dialled.program });
    const path = `/down/100000000?after${byteCount}`;
    const visitors = Array.from({ length: visitorCount }, () => reading(t, target, path));
    let isReading = true;
    const begun = Promise.all(visitors.map((visitor) => readUpTo(visitor, byteCount))).then(() => {
      isReading = false;
    });
    while (isReading) await sample();
    await begun;
    const delays: number[] = [];
    for (const until = performance.now() + stalledMs; performance.now() < until; await setTimeout(50)) {
      const startedAt = performance.now();
      assert.equal((await visit({ ...target, path: '/small' })).text, 'small');
      delays.push(performance.now() - startedAt);
      await sample();
    }
    for (const visitor of visitors) visitor.resetAndDestroy();
    await origin.events(`/down/100000000\\?after${byteCount}`, 'aborted', visitorCount);

    const slowest = Math.max(...delays);
    const redisMegabytes = (most.used - before.used) / 1e6;
    t.diagnostic(
      `Redis grew by ${redisMegabytes.toFixed(1)} MB, ${(most.waiting / 1e6).toFixed(1)} MB of it for hubs; hubs ${JSON.stringify(memory.growth)} MB; ${delays.length} small requests, the slowest in ${slowest.toFixed(0)} ms`,
    );
    assert.ok(redisMegabytes < mostRedisMegabytes, `Redis grew by ${redisMegabytes} MB`);
    assert.ok(most.waiting < mostRedisMegabytes * 1e6, `${most.waiting} bytes waited in Redis`);
    for (const [name, megabytes] of Object.entries(memory.growth)) {
      assert.ok(megabytes <= mostHubMegabytes, `the hub that is ${name} grew by ${megabytes} MB`);
    }
    assert.ok(slowest < mostSmallMs, `a small request took ${slowest} ms`);
  });
}
