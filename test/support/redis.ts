import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { Certificates } from './certificate.ts';
import { type Cleanup, freePort, temporaryFolder } from './processes.ts';

const run = promisify(execFile);

/** A real redis-server on a free port of 127.0.0.1, which keeps nothing on disk. */
export class RedisServer {
  readonly port: number;
  readonly url: string;
  readonly #args: readonly string[];
  readonly #lines: string[] = [];
  readonly #waiting = new Set<() => void>();
  #process: ChildProcess | undefined;
  #hasEnded = true;

  constructor(port: number, args: readonly string[], url = `redis://127.0.0.1:${port}`) {
    this.port = port;
    this.url = url;
    this.#args = args;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Starts it, again on the same port after a stop, and waits until it is ready. */
  async start(ready = /Ready to accept connections|\+monitor master/): Promise<void> {
    const from = this.#lines.length;
    const child = spawn('redis-server', [...this.#args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#lines.push(line);
      this.#wake();
    });
    this.#hasEnded = false;
    child.once('close', () => {
      this.#hasEnded = true;
      this.#wake();
    });
    await this.line(ready, from);
  }

  /** Waits until it has logged this; rejects when it has ended instead. */
  async line(pattern: RegExp, from = 0): Promise<string> {
    for (;;) {
      const found = this.#lines.slice(from).find((line) => pattern.test(line));
      if (found !== undefined) return found;
      if (this.#hasEnded) {
        throw new Error(`redis-server ended:\n${this.#lines.slice(-20).join('\n')}`);
      }
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Its answer to one command, as redis-cli prints it. */
  async command(...words: string[]): Promise<string> {
    return (await run('redis-cli', ['-p', String(this.port), ...words])).stdout.trim();
  }

  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  /** Ends it at once and waits until it is gone. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (!child || this.#hasEnded) return;
    child.kill('SIGKILL');
    await once(child, 'close');
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** Starts a redis-server with some more words of configuration; it ends with the test. */
export async function startRedis(t: Cleanup, args: readonly string[] = []): Promise<RedisServer> {
  const port = await freePort();
  return await started(t, new RedisServer(port, ['--port', String(port), ...usual(t), ...args]));
}

/** The same behind TLS, for a user that may do only what a hub does. */
export async function startTlsRedis(t: Cleanup, { caPath, certPath, keyPath }: Certificates): Promise<RedisServer> {
  const port = await freePort();
  const tls = ['--tls-port', String(port), '--tls-cert-file', certPath, '--tls-key-file', keyPath];
  const rights = ['~adit:*', '&adit:*', '+get', '+set', '+del', '+eval', '+@pubsub', '+@connection', '+info'];
  const args = ['--port', '0', ...usual(t), ...tls, '--tls-ca-cert-file', caPath, '--tls-auth-clients', 'no'];
  const users = ['--user', 'default', 'off', '--user', 'hub', 'on', '>p@ss/word', ...rights];
  return await started(t, new RedisServer(port, [...args, ...users], `rediss://hub:p%40ss%2Fword@localhost:${port}`));
}

function usual(t: Cleanup): string[] {
  return ['--bind', '127.0.0.1', '--dir', temporaryFolder(t), '--save', '', '--appendonly', 'no'];
}

async function started(t: Cleanup, server: RedisServer): Promise<RedisServer> {
  t.after(() => server.stop());
  await server.start();
  return server;
}

/** Starts three nodes of one Redis Cluster, which share its slots. */
export async function startRedisCluster(t: Cleanup): Promise<{ url: string; servers: RedisServer[] }> {
  const servers: RedisServer[] = [];
  const busPorts: number[] = [];
  for (let i = 0; i < 3; i += 1) {
    const busPort = await freePort();
    const clustered = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', '--cluster-port', String(busPort)];
    servers.push(await startRedis(t, clustered));
    busPorts.push(busPort);
  }
  const [first, ...others] = servers as [RedisServer, ...RedisServer[]];
  const slotCount = 16_384;
  for (const [i, server] of servers.entries()) {
    const from = Math.floor((i * slotCount) / servers.length);
    const to = Math.floor(((i + 1) * slotCount) / servers.length) - 1;
    await server.command('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
    await server.command('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1));
  }
  for (const [i, server] of others.entries()) {
    await first.command('CLUSTER', 'MEET', '127.0.0.1', String(server.port), String(busPorts[i + 1]));
  }
  await Promise.all(servers.map((server) => server.line(/Cluster state changed: ok/)));
  return { url: `redis+cluster://${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`, servers };
}

/**
 * Starts a master with a replica and a Sentinel, which has a password that they don't have, and makes the replica master
 * once the master is silent for 2 s.
 */
export async function startRedisSentinel(
  t: Cleanup,
): Promise<{ url: string; master: RedisServer; replica: RedisServer; sentinel: RedisServer }> {
  const master = await startRedis(t);
  const replica = await startRedis(t, ['--replicaof', '127.0.0.1', String(master.port)]);
  await replica.line(/MASTER <-> REPLICA sync: Finished with success/);
  const folder = temporaryFolder(t);
  const port = await freePort();
  const path = join(folder, 'sentinel.conf');
  writeFileSync(
    path,
    `port ${port}
bind 127.0.0.1
dir ${folder}
requirepass who+goes&there
sentinel monitor adit 127.0.0.1 ${master.port} 1
sentinel down-after-milliseconds adit 2000
sentinel failover-timeout adit 5000
`,
  );
  const sentinel = new RedisServer(port, [path, '--sentinel']);
  t.after(() => sentinel.stop());
  await sentinel.start(/\+slave slave/);
  const query = `sentinelPassword=${encodeURIComponent('who+goes&there')}`;
  return { url: `redis+sentinel://127.0.0.1:${port}/adit?${query}`, master, replica, sentinel };
}
