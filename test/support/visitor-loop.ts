import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { idField } from './journal-origin.ts';
import type { Cleanup } from './processes.ts';
import { SeededBytes } from './seeded-bytes.ts';
import type { Tally } from './tally.ts';

/** Where visitors find a tunnel. */
export interface Target {
  port: number;
  host: string;
}

export interface LoopOptions {
  /** Keeps its connection, or takes a new one for each request. */
  form: 'keep-alive' | 'close';
  tally: Tally;
  /** Between two requests. */
  pauseMs?: number;
}

/** So that visitors of something that is down do not keep this process from all else. */
const afterErrorMs = 20;
const bodyBytes = 1_000;

/** A visitor that asks a {@link JournalOrigin} for one thing after the other, by turns to get and to post something. */
export class VisitorLoop {
  readonly #target: Target;
  readonly #options: LoopOptions;
  readonly #agent: http.Agent;
  readonly #done: Promise<void>;
  #isStopped = false;
  #count = 0;

  private constructor(target: Target, options: LoopOptions) {
    this.#target = target;
    this.#options = options;
    this.#agent = new http.Agent({ keepAlive: options.form === 'keep-alive', maxSockets: 1 });
    this.#done = this.#run();
  }

  static start(t: Cleanup, target: Target, options: LoopOptions): VisitorLoop {
    const loop = new VisitorLoop(target, options);
    t.after(() => {
      loop.#isStopped = true;
      loop.#agent.destroy();
    });
    return loop;
  }

  /** Lets the request under way end, and makes no more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
    this.#agent.destroy();
  }

  async #run(): Promise<void> {
    const { tally, pauseMs = 0 } = this.#options;
    while (!this.#isStopped) {
      this.#count += 1;
      const isWhole = await (this.#count % 2 === 0 ? this.#post(tally) : this.#get(tally));
      const waitMs = isWhole ? pauseMs : Math.max(pauseMs, afterErrorMs);
      if (waitMs > 0) await setTimeout(waitMs);
    }
  }

  async #get(tally: Tally): Promise<boolean> {
    const bytes = new SeededBytes(this.#count);
    const isRight = (body: Buffer): boolean => body.equals(bytes.whole(bodyBytes));
    return await this.#ask(tally.sent(), 'GET', `/bytes/${bodyBytes}/${this.#count}`, undefined, isRight);
  }

  async #post(tally: Tally): Promise<boolean> {
    const body = new SeededBytes(this.#count).whole(bodyBytes);
    const sha256 = createHash('sha256').update(body).digest('hex');
    const id = tally.sent();
    return await this.#ask(id, 'POST', '/hash', body, (answer) => {
      tally.posted.set(id, sha256);
      return answer.toString('latin1') === sha256;
    });
  }

  async #ask(
    id: string,
    method: string,
    path: string,
    body: Buffer | undefined,
    isRight: (body: Buffer) => boolean,
  ): Promise<boolean> {
    const { tally } = this.#options;
    const { port, host } = this.#target;
    const headers = { Host: host, [idField]: id, ...(body && { 'Content-Length': body.length }) };
    let status = 0;
    try {
      const request = http.request({ host: '127.0.0.1', port, path, method, headers, agent: this.#agent });
      request.end(body);
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      status = response.statusCode ?? 0;
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const code = response.headers['adit-error'];
      if (status === 200 && isRight(Buffer.concat(chunks))) tally.wholeCount += 1;
      else if (status === 200) tally.wrong.push(`${method} ${path}`);
      else if (code === undefined) tally.broken.push(`${status} without a code`);
      else tally.declare(status, String(code));
      return status === 200;
    } catch (error) {
      tally.broken.push(`${(error as NodeJS.ErrnoException).code} after status ${status}`);
      return false;
    }
  }
}
