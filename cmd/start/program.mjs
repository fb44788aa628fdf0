import { spawn } from 'node:child_process';
import { root } from '../prepare.mjs';

/** How long a program may take to end once it has been asked to. */
const graceMs = 5_000;
/** And until it is asked a second time. */
const patienceMs = 1_000;

/** A Node program that runs beside this one. */
export class Program {
  #child;
  #isOver = false;
  /** Resolves to words for how it ended. */
  exited;

  constructor({ args, env, stdout }) {
    this.#child = spawn(process.execPath, args, {
      cwd: root,
      env,
      stdio: ['ignore', stdout, 'inherit'],
      // Ctrl-C reaches the whole process group of a terminal, and from npm a second time. In a group of its own a
      // program is told once, when its turn has come. On Windows this would open a window.
      detached: process.platform !== 'win32',
    });
    this.exited = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(error.message));
      this.#child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
    }).finally(() => {
      this.#isOver = true;
    });
  }

  get stdout() {
    return this.#child.stdout;
  }

  /** Asks it to end, and waits until it has. */
  async stop() {
    if (this.#isOver) return;
    this.#child.kill('SIGTERM');
    // Both finish what is under way first, and a second signal ends them at once.
    const second = setTimeout(() => this.#child.kill('SIGTERM'), patienceMs);
    const last = setTimeout(() => this.kill(), graceMs);
    await this.exited;
    clearTimeout(second);
    clearTimeout(last);
  }

  /** Ends it at once, with the program that it may be watching. */
  kill() {
    if (this.#isOver || this.#child.pid === undefined) return;
    if (process.platform === 'win32') this.#child.kill('SIGKILL');
    else process.kill(-this.#child.pid, 'SIGKILL');
  }
}
