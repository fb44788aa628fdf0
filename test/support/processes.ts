import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Undoes something at the end of a test: `t.after` and everything like it. */
export interface Cleanup {
  after(undo: () => unknown): void;
}

/** A folder of its own for a test. */
export function temporaryFolder(t: Cleanup): string {
  const folder = mkdtempSync(join(tmpdir(), 'adit-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Variables of whoever runs the tests that would be settings of our programs. */
function isSetting(name: string): boolean {
  return /^(ADIT_\w+|ADDR|BASE|DOMAIN|PROBE_URL|CACHE|PUBSUB|REDIS|REDIS_URL|REDIS_CA|PROXY_ENDPOINT|LOCAL|LOCAL_URL|KEY|STATE|SESSION|HUB_CA|ORIGIN_CA|INSECURE_ORIGIN|(https?|all|no)_proxy)$/i.test(
    name,
  );
}

/** A running program of ours whose lines can be waited for. */
export class Program {
  readonly process: ChildProcess;
  readonly lines: string[] = [];
  stderr = '';
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
  readonly #waiting = new Set<() => void>();

  /** Runs `adit` or `adit-server` as it was built, or a script by its absolute path. */
  constructor(script: string, args: string[], env: Record<string, string> = {}) {
    const inherited = Object.entries(process.env).filter(([name]) => !isSetting(name));
    const path = isAbsolute(script) ? script : join(root, 'dist', 'cmd', script, 'main.js');
    const flags = path.endsWith('.ts') ? ['--conditions=adit-source', '--import', 'tsx'] : [];
    this.process = spawn(process.execPath, [...flags, path, ...args], {
      env: { ...Object.fromEntries(inherited), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.exited = once(this.process, 'close').then(([code, signal]) => ({ code, signal }));
    createInterface({ input: this.process.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.lines.push(line);
      this.#wake();
    });
    this.process.stderr?.on('data', (chunk) => {
      this.stderr += String(chunk);
    });
    this.process.once('close', () => this.#wake());
  }

  /** The first line from number `from` on for which `pick` gives something. Rejects when the program ends before. */
  async line<T>(pick: (line: string) => T | undefined, from = 0): Promise<T> {
    for (;;) {
      for (const line of this.lines.slice(from)) {
        const picked = pick(line);
        if (picked !== undefined) return picked;
      }
      if (this.process.exitCode !== null || this.process.signalCode !== null) {
        throw new Error(`the program ended (${this.process.exitCode}): ${this.stderr}\n${this.lines.join('\n')}`);
      }
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  signal(name: NodeJS.Signals): void {
    this.process.kill(name);
  }

  /** Ends it, gently unless told otherwise, and waits until it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<{ code: number | null; signal: string | null }> {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill(signal);
    return await this.exited;
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

export interface Ended {
  code: number | null;
  signal: string | null;
  /** What it printed. */
  stdout: string;
  stderr: string;
}

/** Runs a program to its end. */
export async function runToEnd(script: string, args: string[], env: Record<string, string> = {}): Promise<Ended> {
  const program = new Program(script, args, env);
  const ended = await program.exited;
  return { ...ended, stdout: program.lines.join('\n'), stderr: program.stderr };
}

/**
 * A port of 127.0.0.1 on which nothing listens. It is below those that operating systems choose from (from 32768 on), so
 * that no connection and no other server has it before whoever asked listens there, or between two that do.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(16_384, 32_768);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return await new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function parseJson(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return {};
  }
}

export interface HubProcess {
  program: Program;
  port: number;
  /** http(s)://localhost:port */
  url: string;
}

/**
 * Starts `adit-server` on a free port of 127.0.0.1 (or with a `--listen` of your own) and waits until it listens. With
 * `LAYOUT=two-hubs` there is a second hub on the same Redis: agents dial that one, visitors come to the first.
 */
export async function startHub(t: Cleanup, args: string[] = [], env: Record<string, string> = {}): Promise<HubProcess> {
  if (process.env['LAYOUT'] !== 'two-hubs' || args.includes('--listen')) return await startOneHub(t, args, env);
  const { startRedis } = await import('./redis.ts');
  const shared = [...args, '--redis', (await startRedis(t)).url];
  const [visited, dialled] = await Promise.all([startOneHub(t, shared, env), startOneHub(t, shared, env)]);
  return { ...visited, url: dialled.url };
}

async function startOneHub(t: Cleanup, args: string[], env: Record<string, string>): Promise<HubProcess> {
  const listen = args.includes('--listen') ? [] : ['--listen', '127.0.0.1:0'];
  const program = new Program('adit-server', [...listen, ...args], env);
  t.after(() => program.stop());
  const port = await program.line((line) => {
    const { msg, port } = parseJson(line);
    return msg === 'hub is listening' ? (port as number) : undefined;
  });
  const scheme = args.includes('--tls-cert') ? 'https' : 'http';
  return { program, port, url: `${scheme}://localhost:${port}` };
}

export interface AgentEventLine {
  event: string;
  url?: string;
  hostname?: string;
  reason?: string;
  message?: string;
}

export interface AgentProcess {
  program: Program;
  url: string;
  hostname: string;
  /** Waits for an event, from line number `from` on. */
  event(name: string, from?: number): Promise<AgentEventLine>;
}

/** Runs `adit --json` with a home of its own, unless `env` names one. */
export function spawnAgent(t: Cleanup, args: string[], env: Record<string, string> = {}): Program {
  const home = env['HOME'] ?? temporaryFolder(t);
  const program = new Program('adit', ['--json', ...args], { HOME: home, XDG_RUNTIME_DIR: home, ...env });
  t.after(() => program.stop());
  return program;
}

/** Starts `adit --json` and waits until it is online. */
export async function startAgent(t: Cleanup, args: string[], env: Record<string, string> = {}): Promise<AgentProcess> {
  const program = spawnAgent(t, args, env);
  const event = async (name: string, from = 0): Promise<AgentEventLine> =>
    await program.line((line) => {
      const parsed = parseJson(line) as unknown as AgentEventLine;
      return parsed.event === name ? parsed : undefined;
    }, from);
  const { url = '', hostname = '' } = await event('online');
  return { program, url, hostname, event };
}

export interface Tunnel {
  hub: HubProcess;
  agent: AgentProcess;
  /** The hub's port, where visitors connect. */
  port: number;
  /** The Host by which visitors ask for the tunnel. */
  host: string;
}

/** Starts a hub and one agent that publishes a port through it. */
export async function startTunnel(
  t: Cleanup,
  originPort: number,
  { hubArgs = [], agentArgs = [] }: { hubArgs?: string[]; agentArgs?: string[] } = {},
): Promise<Tunnel> {
  const hub = await startHub(t, hubArgs);
  const agent = await startAgent(t, ['--hub', hub.url, ...agentArgs, String(originPort)]);
  return { hub, agent, port: hub.port, host: `${agent.hostname}:${hub.port}` };
}
