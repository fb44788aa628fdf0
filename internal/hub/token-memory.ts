import { createHash } from 'node:crypto';
import type { Clock } from '#internal/core/clock';
import { AditError } from '#internal/core/errors';
import { limits } from '#messages/limits';

/** Remembers each registration token until it expires, so that it is taken once. */
export class TokenMemory {
  readonly #clock: Clock;
  readonly #takenBy = new Map<string, { session: string; expiresAtMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Takes a token for a websocket; the same one may use it again, for another name. What is remembered is the signing
   * input, since an ES256 signature has a second valid form. Throws ADIT_REFUSED, or ADIT_HUB_BUSY when it is full.
   */
  take(token: { keyId: string; signingInput: string; expiresAtMs: number }, session: string): void {
    const nowMs = this.#clock.wallMs();
    const key = createHash('sha256').update(token.keyId).update('.').update(token.signingInput).digest('base64');
    const taken = this.#takenBy.get(key);
    if (taken && taken.expiresAtMs >= nowMs && taken.session !== session) {
      throw new AditError('ADIT_REFUSED', 'this token has been used before: sign a new one for each registration');
    }
    if (this.#takenBy.size >= limits.rememberedTokenCount) this.#forgetExpired(nowMs);
    if (this.#takenBy.size >= limits.rememberedTokenCount) {
      throw new AditError('ADIT_HUB_BUSY', 'too many registrations at once: try again later');
    }
    this.#takenBy.set(key, { session, expiresAtMs: token.expiresAtMs });
  }

  #forgetExpired(nowMs: number): void {
    for (const [key, { expiresAtMs }] of this.#takenBy) if (expiresAtMs < nowMs) this.#takenBy.delete(key);
  }
}
