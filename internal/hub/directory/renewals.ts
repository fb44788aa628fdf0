import type { Clock, Stop } from '#internal/core/clock';

const renewMs = 20_000;
const retryMs = 1_000;
/** Leases that are renewed at once. */
const renewCount = 100;

export interface RenewalsDeps {
  clock: Clock;
  /** Whether Redis can be asked: else the next connection has everything renewed. */
  isPossible(): boolean;
  /** Sessions that are held here. */
  held(): readonly string[];
  /** Renews the leases of one, and puts back what is missing. */
  keep(session: string): Promise<void>;
}

/** Renews the leases of all sessions that a hub holds: every 20 s, and when it is told to. */
export class Renewals {
  /** Leases of sessions, counted. */
  readonly counts = { renewed: 0, failed: 0 };
  readonly #deps: RenewalsDeps;
  readonly #stopTimer: Stop;
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

  /** Renews all from now on: what is under way may have renewed some before. */
  async runAnew(): Promise<void> {
    await this.#running;
    this.run();
  }

  close(): void {
    this.#isClosed = true;
    this.#stopTimer();
  }

  async #renewAll(): Promise<void> {
    const { clock, held, keep } = this.#deps;
    const sessions = held();
    let hasFailed = false;
    for (let i = 0; i < sessions.length; i += renewCount) {
      for (const { status } of await Promise.allSettled(sessions.slice(i, i + renewCount).map(keep))) {
        this.counts[status === 'fulfilled' ? 'renewed' : 'failed'] += 1;
        hasFailed ||= status === 'rejected';
      }
    }
    // A part of a Redis Cluster may be away while the others are not.
    if (hasFailed) clock.after(retryMs, () => this.run());
  }
}
