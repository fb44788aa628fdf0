import { createHash } from 'node:crypto';
import { AditError } from '#internal/core/errors';

export interface Token {
  keyId: string;
  /** What was signed. The token's text won't do: an ES256 signature has a second valid form. */
  signingInput: string;
  /** Milliseconds since 1970. */
  expiresAtMs: number;
}

/** Remembers each registration token until it expires, so that it is taken once. */
export interface Tokens {
  /**
   * Takes a token for a websocket; the same one may use it again, for another name. Rejects with ADIT_REFUSED, or with
   * ADIT_HUB_BUSY when that cannot be decided now.
   */
  take(token: Token, session: string): Promise<void>;
}

/** What a token is remembered by. */
export function tokenName({ keyId, signingInput }: Token): string {
  return createHash('sha256').update(keyId).update('.').update(signingInput).digest('base64url');
}

export function usedBefore(): AditError {
  return new AditError('ADIT_REFUSED', 'this token has been used before: sign a new one for each registration');
}
