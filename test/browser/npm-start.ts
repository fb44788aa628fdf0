import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Cleanup } from '../support/processes.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface StartOptions {
  /** The words behind `npm start --`. */
  words?: string[];
  env: Record<string, string>;
  /** The clone to start; this one unless told otherwise. */
  cwd?: string;
}

/** A running `npm start`. */
export class NpmStart {
  readonly process: ChildProcess;
  /** Everything that it has printed. */
  output = '';
  /** Resolves to the exit code of npm once every pipe is closed. */
  readonly exited: Promise<number | null>;

  constructor(t: Cleanup, { words = [], env, cwd = root }: StartOptions) {
    this.process = spawn('npm', ['start', '--', ...words], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // As in a terminal: a group that Ctrl-C reaches as a whole.
      detached: true,
    });
    this.exited = once(this.process, 'close').then(([code]) => code);
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    t.after(() => this.#end());
  }

  /** The URL that it prints. Rejects when it ends before. */
  async url(): Promise<URL> {
    let isOver = false;
    void this.exited.then(() => {
      isOver = true;
    });
    for (;;) {
      const [, url] = /^\s*(http:\/\/\S+\/)$/m.exec(this.output) ?? [];
      if (url) return new URL(url);
      if (isOver) throw new Error(`npm start ended: ${this.output}`);
      await Promise.race([once(this.process.stdout as NodeJS.ReadableStream, 'data'), this.exited]);
    }
  }

  /** The process behind npm and its shell, and the two that it has started. */
  async processes(): Promise<{ main: number; hub: number; agent: number }> {
    await this.url();
    const found = processesBelow(this.process.pid as number);
    const pidOf = (pattern: RegExp): number => {
      const match = found.find(({ command }) => pattern.test(command));
      if (!match) throw new Error(`no process ${pattern} among ${JSON.stringify(found)}`);
      return match.pid;
    };
    return {
      main: pidOf(/^\S*node cmd\/start\/main\.mjs/),
      hub: pidOf(/cmd\/adit-server\/main/),
      agent: pidOf(/cmd\/adit\/main/),
    };
  }

  async #end(): Promise<void> {
    const pid = this.process.pid as number;
    if (this.process.exitCode === null && this.process.signalCode === null) process.kill(-pid, 'SIGTERM');
    await this.exited;
  }
}

/** Whether a process is there. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // No such process.
    return false;
  }
}

function processesBelow(pid: number): { pid: number; command: string }[] {
  const all = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => {
      const [, own, parent, command = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
      return own === undefined ? [] : [{ pid: Number(own), parent: Number(parent), command }];
    });
  const below = (parent: number): typeof all =>
    all.filter((process) => process.parent === parent).flatMap((process) => [process, ...below(process.pid)]);
  return below(pid);
}
