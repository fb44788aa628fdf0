import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { RedisBus } from '#internal/bus/redis';
import { type Clock, systemClock } from '#internal/core/clock';
import { silentLog } from '#internal/core/log';
import { RedisConnection } from '#internal/core/redis';
import { parseRedisUrl } from '#internal/core/redis-url';
import type { Loss, SessionRecord } from '#internal/hub/directory/directory';
import { RedisDirectory } from '#internal/hub/directory/redis';
import type { Cleanup } from './processes.ts';

/** What a hub has in Redis, and what came to it from others. */
export class RedisHub {
  readonly node = randomBytes(8).toString('hex');
  readonly connection: RedisConnection;
  readonly bus: RedisBus;
  readonly directory: RedisDirectory;
  readonly texts: string[] = [];
  readonly gone: string[] = [];
  readonly heard: string[] = [];
  readonly lost: Loss[] = [];
  writableCount = 0;
  #waiting = new Set<() => void>();

  private constructor(url: string, clock: Clock) {
    const onError = (thrown: unknown): void => assert.fail(String(thrown));
    this.connection = new RedisConnection(parseRedisUrl(url), onError);
    this.bus = new RedisBus(this.node, { clock, connection: this.connection, onError });
    const onLost = (losses: readonly Loss[]): void => {
      this.lost.push(...losses);
      this.#wake();
    };
    this.directory = new RedisDirectory(this.node, { clock, log: silentLog, connection: this.connection, onLost });
  }

  static async start(t: Cleanup, url: string, clock: Clock = systemClock): Promise<RedisHub> {
    const hub = new RedisHub(url, clock);
    t.after(async () => {
      await hub.bus.close();
      await hub.directory.close();
    });
    await hub.bus.start({
      message: (_from, message) => {
        hub.texts.push(message.toString());
        hub.#wake();
      },
      gone: (node) => {
        hub.gone.push(node);
        hub.#wake();
      },
      heard: (node) => {
        hub.heard.push(node);
        hub.#wake();
      },
      writable: () => {
        hub.writableCount += 1;
        hub.#wake();
      },
    });
    return hub;
  }

  send(to: RedisHub, text: string): void {
    this.bus.publish(to.node, Buffer.from(text));
  }

  /** Waits until something that came makes it so, and gives how many milliseconds that took. */
  async until(isSo: () => boolean): Promise<number> {
    const from = performance.now();
    while (!isSo()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
    return performance.now() - from;
  }

  /** Sends again and again until something arrives, and gives how many milliseconds that took. */
  async untilItReaches(to: RedisHub): Promise<number> {
    const question = `are you there? ${randomUUID()}`;
    const timer = setInterval(() => this.send(to, question), 10);
    try {
      return await to.until(() => to.texts.includes(question));
    } finally {
      clearInterval(timer);
    }
  }

  /** A session of this hub's that nobody has claimed yet. */
  newRecord(): SessionRecord {
    const { node } = this;
    return {
      session: randomUUID(),
      node,
      epoch: 1,
      wire: 'v2',
      keyId: 'key',
      maxStreams: 9,
      clientIds: [randomUUID()],
    };
  }

  /** Asks the directory until the answer is there, and gives how many milliseconds that took. */
  async untilItFinds({ clientIds, session }: SessionRecord): Promise<number> {
    const from = performance.now();
    for (;;) {
      const found = await Promise.resolve(this.directory.find(clientIds[0] as string)).catch(() => undefined);
      if (found?.session === session) return performance.now() - from;
      await setTimeout(5);
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** Two hubs on one Redis that know each other. */
export async function twoHubs(t: Cleanup, url: string): Promise<[RedisHub, RedisHub]> {
  const [one, two] = [await RedisHub.start(t, url), await RedisHub.start(t, url)];
  for (const [from, to] of [
    [one, two],
    [two, one],
  ] as const) {
    await from.untilItReaches(to);
    to.texts.length = 0;
  }
  return [one, two];
}
