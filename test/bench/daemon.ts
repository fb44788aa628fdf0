import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { Cleanup } from '../support/processes.ts';

/** A program of somebody else that runs until the bench ends. */
export interface Daemon {
  pid: number;
  /** The end of what it printed. */
  said(): string;
}

/** Starts a program, and ends it with the scope. */
export function startDaemon(scope: Cleanup, command: string, args: string[]): Daemon {
  const child: ChildProcess = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const note = (text: unknown): void => {
    said = `${said}${text}`.slice(-1_000);
  };
  child.stdout?.on('data', note);
  child.stderr?.on('data', note);
  child.on('error', note);
  scope.after(async () => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  });
  return { pid: child.pid ?? 0, said: () => said.trim() };
}

/** The first of several names or paths of a program that is on this machine. Throws when none is. */
export function findProgram(...names: string[]): string {
  const found = names.find((name) => {
    if (name.startsWith('/')) return existsSync(name);
    return spawnSync(name, ['--version'], { stdio: 'ignore', timeout: 5_000 }).error === undefined;
  });
  if (found === undefined) throw new Error(`${names[0]} is not on this machine`);
  return found;
}
