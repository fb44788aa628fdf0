import { randomBytes } from 'node:crypto';
import type { Clock, Stop } from '#internal/core/clock';
import type { ProbeOutcome } from '#messages/v2';

/** How long until the next probe, and until the next one after a failure. */
const everyMs = 30_000;
const afterFailureMs = 6_000;
/** How long the hub may take to say what came of it. */
const answerMs = 10_000;

const pathPrefix = '/.well-known/adit/probe/';

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
    return target === pathPrefix + this.#nonce ? this.#nonce : undefined;
  }

  #conclude(outcome: ProbeOutcome, detail: string): void {
    this.#stopTimer();
    this.#nonce = undefined;
    this.#stopTimer = this.#deps.clock.after(outcome === 'failed' ? afterFailureMs : everyMs, () => this.start());
    this.#deps.onProbed(outcome, detail);
  }
}
