import type { Clock, Stop } from '#internal/core/clock';

interface Timer {
  at: number;
  action: () => void;
  everyMs: number | undefined;
}

/** A clock that stands still until it is told to go on. */
export class FakeClock implements Clock {
  #now = 0;
  #wallMs: number;
  readonly #timers = new Set<Timer>();

  constructor(wall = '2026-11-21T00:51:05Z') {
    this.#wallMs = Date.parse(wall);
  }

  now(): number {
    return this.#now;
  }

  wallMs(): number {
    return this.#wallMs;
  }

  after(delayMs: number, action: () => void): Stop {
    return this.#add({ at: this.#now + delayMs, action, everyMs: undefined });
  }

  every(intervalMs: number, action: () => void): Stop {
    return this.#add({ at: this.#now + intervalMs, action, everyMs: intervalMs });
  }

  /** Lets time pass, running what falls due in its order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let due = this.#nextDue(end); due; due = this.#nextDue(end)) {
      this.#pass(Math.max(due.at, this.#now));
      if (due.everyMs === undefined) this.#timers.delete(due);
      else due.at = this.#now + due.everyMs;
      due.action();
    }
    this.#pass(end);
  }

  /**
   * The machine sleeps: no timer runs until it has woken. `isCounted` says whether its monotonic clock runs on meanwhile;
   * then what fell due runs with the next `advance`.
   */
  sleep(ms: number, { isCounted }: { isCounted: boolean }): void {
    this.#wallMs += ms;
    if (isCounted) this.#now += ms;
  }

  /** Timers that have not run: 0 once everything has been cleaned up. */
  get pendingCount(): number {
    return this.#timers.size;
  }

  #add(timer: Timer): Stop {
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  #pass(to: number): void {
    this.#wallMs += to - this.#now;
    this.#now = to;
  }

  #nextDue(end: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (timer.at <= end && (!next || timer.at < next.at)) next = timer;
    return next;
  }
}
