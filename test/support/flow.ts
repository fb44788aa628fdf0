import { createHash, randomBytes } from 'node:crypto';
import http from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Cleanup, freePort, Program, startAgent, startHub, type Tunnel } from './processes.ts';
import type { Way } from './relay-pipe.ts';
import { visit } from './visit.ts';

export interface FlowEvent {
  path: string;
  event: 'sent' | 'received' | 'begun' | 'aborted';
  byteCount: number;
  sha256?: string;
}

/** The service of `flow-origin.mjs`, in a process of its own. */
export class FlowOrigin {
  readonly program: Program;
  readonly port: number;

  private constructor(program: Program, port: number) {
    this.program = program;
    this.port = port;
  }

  static async start(t: Cleanup): Promise<FlowOrigin> {
    const { program, port } = await startScript(t, 'flow-origin.mjs', []);
    return new FlowOrigin(program, port);
  }

  /** What became of the request for a path. */
  async event(path: string, event: FlowEvent['event']): Promise<FlowEvent> {
    const start = `{"path":"${path}","event":"${event}"`;
    return await this.program.line((line) => (line.startsWith(start) ? (JSON.parse(line) as FlowEvent) : undefined));
  }

  /** Waits until as many requests ended that way. */
  async events(prefix: string, event: FlowEvent['event'], count: number): Promise<void> {
    const pattern = new RegExp(`^\\{"path":"${prefix}[^"]*","event":"${event}"`);
    let seen = 0;
    for (let from = 0; seen < count; ) {
      const at = await this.program.line((line) => (pattern.test(line) ? line : undefined), from);
      from = this.program.lines.indexOf(at, from) + 1;
      seen += 1;
    }
  }
}

async function startScript(t: Cleanup, name: string, args: string[]): Promise<{ program: Program; port: number }> {
  const program = new Program(fileURLToPath(new URL(name, import.meta.url)), args);
  t.after(() => program.stop());
  const port = await program.line((line) => (/^\d+$/.test(line) ? Number(line) : undefined));
  return { program, port };
}

/** A stretch of network to a port of this machine. Gives the port at its near end. */
async function startWay(t: Cleanup, target: number, way: Way): Promise<number> {
  return (await startScript(t, 'shaped-relay.mjs', [String(target), JSON.stringify(way)])).port;
}

/** A tunnel without limits; with a way, that is between agent and hub. */
export async function startFlowTunnel(t: Cleanup, originPort: number, way?: Way): Promise<Tunnel> {
  const hubArgs = ['--max-body', 'unlimited', '--rate-limit', 'off', '--metrics-listen', '127.0.0.1:0'];
  const hubPort = way ? await freePort() : 0;
  const dialled = way ? await startWay(t, hubPort, way) : 0;
  if (way) hubArgs.push('--listen', `127.0.0.1:${hubPort}`, '--base', `http://localhost:${dialled}`);
  const hub = await startHub(t, hubArgs);
  const agent = await startAgent(t, ['--hub', way ? `http://localhost:${dialled}` : hub.url, String(originPort)]);
  return { hub, agent, port: hub.port, host: agent.hostname };
}

export interface Transfer {
  byteCount: number;
  sha256: string;
  ms: number;
}

interface Target {
  port: number;
  host: string;
}

/** Takes a body whole. Rejects when it was cut. */
export async function download({ port, host }: Target, path: string): Promise<Transfer> {
  const startedAt = performance.now();
  const hash = path.includes('hash') ? createHash('sha256') : undefined;
  let byteCount = 0;
  return await new Promise((resolve, reject) => {
    http
      .get({ host: '127.0.0.1', port, path, headers: { Host: host }, agent: false }, (response) => {
        response.on('data', (chunk: Buffer) => {
          byteCount += chunk.length;
          hash?.update(chunk);
        });
        response.once('error', reject);
        response.once('end', () =>
          resolve({ byteCount, sha256: hash?.digest('hex') ?? '', ms: performance.now() - startedAt }),
        );
      })
      .once('error', reject);
  });
}

const block = randomBytes(65_536);

/** Sends a body no faster than it is taken, and waits for the answer. */
export async function upload({ port, host }: Target, path: string, byteCount: number): Promise<Transfer> {
  const startedAt = performance.now();
  const hash = path.includes('hash') ? createHash('sha256') : undefined;
  const form = path.includes('chunked') ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': byteCount };
  return await new Promise((resolve, reject) => {
    const request = http.request(
      { host: '127.0.0.1', port, path, method: 'POST', headers: { Host: host, ...form }, agent: false },
      (response) => {
        response.resume();
        response.once('end', () =>
          resolve({ byteCount, sha256: hash?.digest('hex') ?? '', ms: performance.now() - startedAt }),
        );
      },
    );
    request.once('error', reject);
    let left = byteCount;
    const go = (): void => {
      while (left > 0 && !request.destroyed) {
        const piece = Buffer.from(block.subarray(0, Math.min(left, block.length)));
        if (hash && piece.length > 8) piece.writeUIntBE(left, 0, 6);
        hash?.update(piece);
        left -= piece.length;
        if (!request.write(piece)) {
          request.once('drain', go);
          return;
        }
      }
      if (left === 0) request.end();
    };
    go();
  });
}

/** Waits until the hub has no request under way any more. Gives how long that took, in milliseconds. */
export async function untilIdle({ hub }: Tunnel): Promise<number> {
  const startedAt = performance.now();
  const metrics = await hub.program.line((line) => /"metricsPort":(\d+)/.exec(line)?.[1]);
  for (;;) {
    const { text } = await visit({ port: Number(metrics), host: '127.0.0.1', path: '/metrics' });
    if (/^adit_requests_in_flight 0$/m.test(text)) return performance.now() - startedAt;
    await setTimeout(50);
  }
}
