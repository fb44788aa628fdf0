import type { Clock } from '#internal/core/clock';
import type { ProbeOutcome } from '#messages/v2';

/** How often an agent may have its public address asked. */
const everyMs = 5_000;

type Result = { outcome: ProbeOutcome; detail: string };

export interface HubProbesDeps {
  clock: Clock;
  /** Requests the tunnel at its public address. Never rejects. */
  probe(nonce: string): Promise<Result>;
  answer(nonce: string, result: Result): void;
}

/** The probes that one session asks for: one at a time, and not too often. */
export class HubProbes {
  readonly #deps: HubProbesDeps;
  #probedAt = Number.NEGATIVE_INFINITY;
  #isProbing = false;

  constructor(deps: HubProbesDeps) {
    this.#deps = deps;
  }

  /** The agent asks. */
  async asked(nonce: string): Promise<void> {
    const { clock, probe, answer } = this.#deps;
    const now = clock.now();
    if (this.#isProbing || now - this.#probedAt < everyMs) {
      answer(nonce, { outcome: 'unknown', detail: 'one probe in 5 s' });
      return;
    }
    this.#isProbing = true;
    this.#probedAt = now;
    const result = await probe(nonce);
    this.#isProbing = false;
    answer(nonce, result);
  }
}
