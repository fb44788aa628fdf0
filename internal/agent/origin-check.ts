import type { Clock, Stop } from '#internal/core/clock';

/** How long until the next check of an origin that takes connections, and of one that does not. */
const upMs = 30_000;
const downMs = 2_000;
/** Checks that are asked for come no faster: every failed request asks for one. */
const minMs = 500;

export interface OriginCheckDeps {
  clock: Clock;
  /** Connects to the origin: why that failed, or undefined when it did not. */
  check(): Promise<string | undefined>;
  onChecked(trouble: string | undefined): void;
}

/** Checks by connecting whether the origin takes connections. A request would be one that its owner did not make. */
export class OriginCheck {
  readonly #deps: OriginCheckDeps;
  #startedAt = Number.NEGATIVE_INFINITY;
  #isChecking = false;
  #isStopped = false;
  #stopTimer: Stop = () => undefined;

  constructor(deps: OriginCheckDeps) {
    this.#deps = deps;
    void this.#check();
  }

  /** Something has failed that may be the origin's fault: checks soon. */
  suspect(): void {
    if (this.#isChecking || this.#isStopped) return;
    this.#schedule(Math.max(0, this.#startedAt + minMs - this.#deps.clock.now()));
  }

  stop(): void {
    this.#isStopped = true;
    this.#stopTimer();
  }

  async #check(): Promise<void> {
    this.#isChecking = true;
    this.#startedAt = this.#deps.clock.now();
    const trouble = await this.#deps.check();
    this.#isChecking = false;
    if (this.#isStopped) return;
    this.#deps.onChecked(trouble);
    this.#schedule(trouble === undefined ? upMs : downMs);
  }

  #schedule(ms: number): void {
    this.#stopTimer();
    this.#stopTimer = this.#deps.clock.after(ms, () => void this.#check());
  }
}
