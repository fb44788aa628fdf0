import type { Clock, Stop } from '#internal/core/clock';
import { messageOf } from '#internal/core/errors';

const renewMs = 20_000;
/** How long after a round that failed there is another one: while a Redis Cluster heals from the loss of a part, and later. */
const retryMs = { soon: 1_000, later: 5_000 };
const healingMs = 15_000;
/** Leases that are renewed at once. */
const renewCount = 100;
/** What Redis says of a command that it takes from nobody, or not from us, until somebody has seen to it. */
const refusals =
  /^(OOM|NOPERM|MISCONF|READONLY|NOREPLICAS|CLUSTERDOWN|MASTERDOWN|(ERR )?The user executing the script|ERR ACL failure in script)\b/;
/** A Redis of which nothing passes for so long counts as one that refuses, whatever it says. */
const refusedMs = 5_000;

export interface RenewalsDeps {
  clock: Clock;
  /** Whether Redis can be asked: else the next connection has everything renewed. */
  isPossible(): boolean;
  /** Sessions that are held here. */
  held(): readonly string[];
  /** Renews the leases of one, and puts back what is missing. */
  keep(session: string): Promise<void>;
  /** Writes something that is there anyway, to see whether Redis lets us. */
  probe(): Promise<void>;
  /** Is told why Redis refuses what is renewed, once, and '' when it no longer does. */
  onRefused(refusal: string): void;
}

/** Renews the leases of all sessions that a hub holds: every 20 s, and when it is told to. */
export class Renewals {
  /** Leases of sessions, counted. */
  readonly counts = { renewed: 0, failed: 0 };
  /** Why Redis refuses what is renewed; '' when it does not. */
  refusal = '';
  readonly #deps: RenewalsDeps;
  readonly #stopTimer: Stop;
  #stopRetry: Stop = () => undefined;
  /** Since when no round has passed whole. */
  #retryingSince: number | undefined;
  /** Since when nothing has passed. */
  #failingSince: number | undefined;
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(deps: RenewalsDeps) {
    this.#deps = deps;
    this.#stopTimer = deps.clock.every(renewMs, () => this.run());
  }

  /** Renews all, unless that is under way. */
  run(): void {
    if (this.#isClosed || !this.#deps.isPossible()) return;
    this.#running ??= this.#renewAll().finally(() => {
      this.#running = undefined;
    });
  }

  /** Renews all, unless what failed is tried again soon in any case. */
  doubt(): void {
    if (this.#retryingSince === undefined) this.run();
  }

  /** Renews all from now on: what is under way may have renewed some before. */
  async runAnew(): Promise<void> {
    await this.#running;
    this.run();
  }

  close(): void {
    this.#isClosed = true;
    this.#stopTimer();
    this.#stopRetry();
  }

  async #renewAll(): Promise<void> {
    const { clock, held, keep, probe } = this.#deps;
    this.#stopRetry();
    const sessions = held();
    const failures: unknown[] = [];
    await probe().catch((error: unknown) => failures.push(error));
    for (let i = 0; i < sessions.length; i += renewCount) {
      for (const result of await Promise.allSettled(sessions.slice(i, i + renewCount).map(keep))) {
        this.counts[result.status === 'fulfilled' ? 'renewed' : 'failed'] += 1;
        if (result.status === 'rejected') failures.push(result.reason);
      }
    }
    // Of a Redis Cluster some keys may pass: that is no reason to turn away the visitors of all.
    this.#failingSince = failures.length > sessions.length ? (this.#failingSince ?? clock.now()) : undefined;
    this.#noteRefusal(failures);
    // A part of a Redis Cluster may be away while the others are not.
    if (failures.length > 0) this.#retrySoon();
    else this.#retryingSince = undefined;
  }

  #retrySoon(): void {
    if (this.#isClosed) return;
    const { clock } = this.#deps;
    const now = clock.now();
    this.#retryingSince ??= now;
    const delayMs = now - this.#retryingSince < healingMs ? retryMs.soon : retryMs.later;
    this.#stopRetry = clock.after(delayMs, () => this.run());
  }

  #noteRefusal(failures: readonly unknown[]): void {
    const messages = failures.map((failure) => messageOf((failure as Error).cause));
    const isFailing = this.#deps.clock.now() - (this.#failingSince ?? Number.POSITIVE_INFINITY) >= refusedMs;
    const named = messages.find((message) => refusals.test(message));
    // Redis may be lost meanwhile, which takes nothing back.
    const otherwise = failures.length > 0 ? this.refusal : '';
    const refusal = named ?? (otherwise || (isFailing ? (messages[0] as string) : ''));
    if (refusal === this.refusal) return;
    this.refusal = refusal;
    this.#deps.onRefused(refusal);
  }
}
