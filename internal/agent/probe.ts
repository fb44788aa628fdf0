import { randomBytes } from 'node:crypto';
import type { Clock, Stop } from '#internal/core/clock';
import type { AcceptedStream, StreamHandler } from '#internal/link/stream';
import { type ProbeOutcome, probePath } from '#messages/v2';

/** How long until the next probe, and until the next one after a failure. */
const everyMs = 30_000;
const afterFailureMs = 6_000;
/** How long the hub may take to say what came of it. */
const answerMs = 10_000;

export interface ProbesDeps {
  clock: Clock;
  /** Asks the hub to request the tunnel's public address. */
  ask(nonce: string): void;
  onProbed(outcome: ProbeOutcome, detail: string): void;
}

/** Asks the hub again and again whether visitors reach this agent, over the whole way that theirs take. */
export class Probes {
  readonly #deps: ProbesDeps;
  #nonce: string | undefined;
  #stopTimer: Stop = () => undefined;

  constructor(deps: ProbesDeps) {
    this.#deps = deps;
  }

  /** The agent is online: probes now. */
  start(): void {
    this.#stopTimer();
    this.#nonce = randomBytes(16).toString('base64url');
    this.#stopTimer = this.#deps.clock.after(answerMs, () => this.#conclude('unknown', 'the hub did not say'));
    this.#deps.ask(this.#nonce);
  }

  stop(): void {
    this.#stopTimer();
    this.#nonce = undefined;
  }

  /** The hub says what came of a probe. */
  probed(nonce: string, outcome: ProbeOutcome, detail: string): void {
    if (nonce === this.#nonce) this.#conclude(outcome, detail);
  }

  /** The nonce with which a request is to be answered, if it is the one that we have asked for. */
  nonceOf({ method, target }: { method: string; target: string }): string | undefined {
    if (this.#nonce === undefined || method !== 'GET') return undefined;
    return target === probePath + this.#nonce ? this.#nonce : undefined;
  }

  #conclude(outcome: ProbeOutcome, detail: string): void {
    this.#stopTimer();
    this.#nonce = undefined;
    this.#stopTimer = this.#deps.clock.after(outcome === 'failed' ? afterFailureMs : everyMs, () => this.start());
    this.#deps.onProbed(outcome, detail);
  }
}

/** Answers a probe in the place of the origin. */
export function answerProbe(nonce: string, stream: AcceptedStream): StreamHandler {
  const ignore = (): void => undefined;
  // Not before the stream knows its handler.
  process.nextTick(() => {
    const fields = ['Content-Type', 'text/plain', 'Content-Length', String(nonce.length), 'Cache-Control', 'no-store'];
    stream.head({ status: 200, reason: 'OK', fields });
    stream.write(Buffer.from(nonce));
    stream.end();
  });
  return { data: ignore, ended: ignore, drained: ignore, stopped: ignore, reset: ignore };
}
