import { createHash } from 'node:crypto';
import base32 from 'hi-base32';
import type { JWK } from 'jose';

/** The length of every client id: 32 bytes in unpadded base32. */
const length = 52;

function encode(hash: Uint8Array): string {
  return base32.encode(hash).replace(/=+$/, '').toLowerCase();
}

/** The members of a public key that its thumbprint is made of, in their order. */
const thumbprintMembers: Readonly<Record<string, readonly (keyof JWK)[]>> = {
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
};

/**
 * The client id of a public key: lowercase, unpadded base32 of its SHA-256 thumbprint (RFC 7638, RFC 4648). Throws when
 * it is none. Hashed here and now: to let a thread do so costs far more when thousands of agents redial.
 */
export function clientIdOfKey(jwk: JWK): string {
  const members = (thumbprintMembers[jwk.kty ?? ''] ?? []).map((name) => [name, jwk[name]] as const);
  if (members.length === 0 || members.some(([, value]) => typeof value !== 'string')) {
    throw new Error('the key is no public key of a known kind');
  }
  return encode(
    createHash('sha256')
      .update(JSON.stringify(Object.fromEntries(members)))
      .digest(),
  );
}

/** The client id under which a key serves one of its named sessions; an empty name is the key's own id. */
export function clientIdOfSession(keyId: string, session: string): string {
  if (session === '') return keyId;
  return encode(createHash('sha256').update(keyId).update(session).digest());
}

/** Whether a text is a client id in its one canonical form: 52 letters that no other text decodes equal to. */
export function isClientId(text: string): boolean {
  if (text.length !== length || !/^[a-z2-7]+$/.test(text)) return false;
  // 52 letters carry 260 bits for 256, so the last letter has only two values.
  return text.endsWith('a') || text.endsWith('q');
}
