import type { Clock, Stop } from '#internal/core/clock';

/** Watches that something keeps arriving. Time during which it is held back by us does not count. */
export class IdleWatch {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #isHeldBack: () => boolean;
  readonly #onIdle: () => void;
  #heardAt: number;
  #stopTimer: Stop;

  constructor(clock: Clock, options: { limitMs: number; isHeldBack: () => boolean; onIdle: () => void }) {
    this.#clock = clock;
    this.#limitMs = options.limitMs;
    this.#isHeldBack = options.isHeldBack;
    this.#onIdle = options.onIdle;
    this.#heardAt = clock.now();
    this.#stopTimer = clock.after(this.#limitMs, () => this.#check());
  }

  /** Something has arrived. */
  heard(): void {
    this.#heardAt = this.#clock.now();
  }

  stop(): void {
    this.#stopTimer();
  }

  #check(): void {
    const now = this.#clock.now();
    if (this.#isHeldBack()) this.#heardAt = now;
    const leftMs = this.#heardAt + this.#limitMs - now;
    if (leftMs > 0) this.#stopTimer = this.#clock.after(leftMs, () => this.#check());
    else this.#onIdle();
  }
}
