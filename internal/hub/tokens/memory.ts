import type { Clock } from '#internal/core/clock';
import { AditError } from '#internal/core/errors';
import { limits } from '#messages/limits';
import { type Token, type Tokens, tokenName, usedBefore } from './tokens.ts';

/** The tokens of a hub that stands alone. */
export class MemoryTokens implements Tokens {
  readonly #clock: Clock;
  readonly #takenBy = new Map<string, { session: string; expiresAtMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async take(token: Token, session: string): Promise<void> {
    const nowMs = this.#clock.wallMs();
    const name = tokenName(token);
    const taken = this.#takenBy.get(name);
    if (taken && taken.expiresAtMs >= nowMs && taken.session !== session) throw usedBefore();
    if (this.#takenBy.size >= limits.rememberedTokenCount) this.#forgetExpired(nowMs);
    if (this.#takenBy.size >= limits.rememberedTokenCount) {
      throw new AditError('ADIT_HUB_BUSY', 'too many registrations at once: try again later');
    }
    this.#takenBy.set(name, { session, expiresAtMs: token.expiresAtMs });
  }

  #forgetExpired(nowMs: number): void {
    for (const [name, { expiresAtMs }] of this.#takenBy) if (expiresAtMs < nowMs) this.#takenBy.delete(name);
  }
}
