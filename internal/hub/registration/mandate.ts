import { compactVerify, EmbeddedJWK, type JWK, type JWTHeaderParameters } from 'jose';
import type { Clock } from '#internal/core/clock';
import { AditError, messageOf } from '#internal/core/errors';
import { clientIdOfKey } from '#messages/client-id';
import { limits } from '#messages/limits';
import { decodeMandateToken } from '#messages/mandate-token';
import type { BaseUrls } from '../base-urls.ts';

/** A token that proves the possession of a key to this hub, now. */
export interface Mandate {
  keyId: string;
  signingInput: string;
  expiresAtMs: number;
}

const algorithms = ['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519', 'RS256', 'PS256'];
/** Verifies the token of a v1 registration with the key that it carries. Throws ADIT_REFUSED with the reason. */
export async function verifyMandate(
  token: string,
  { bases, clock }: { bases: BaseUrls; clock: Clock },
): Promise<Mandate> {
  try {
    const jwk = checkForm(token);
    const { payload } = await compactVerify(token, EmbeddedJWK, { algorithms });
    const { timestamp, uri, ttlSeconds } = decodeMandateToken(payload);
    const expiresAtMs = timestamp + Math.min(ttlSeconds, limits.tokenTtlSeconds) * 1_000;
    checkTime(timestamp, expiresAtMs, clock.wallMs());
    checkUri(uri, bases);
    return { keyId: clientIdOfKey(jwk), signingInput: token.slice(0, token.lastIndexOf('.')), expiresAtMs };
  } catch (error) {
    if (error instanceof AditError) throw error;
    throw new AditError('ADIT_REFUSED', `registration refused: ${messageOf(error)}`, { cause: error });
  }
}

/** Checks all that must hold before a signature is worth a look, and gives the key. */
function checkForm(token: string): JWK {
  if (token.length > limits.token) throw new Error(`token is longer than ${limits.token} bytes`);
  const parts = token.split('.');
  if (parts.length !== 3) throw new Error('token is not a compact JWS of three parts');
  for (const part of parts) {
    // Only the canonical form encodes to itself: no white space, padding, other alphabet or stray bits.
    if (Buffer.from(part, 'base64url').toString('base64url') !== part)
      throw new Error('token is not canonical base64url');
  }
  const header = JSON.parse(Buffer.from(parts[0] as string, 'base64url').toString('utf8')) as JWTHeaderParameters;
  if (typeof header !== 'object' || header === null) throw new Error('token header is not an object');
  if ('b64' in header || 'crit' in header) throw new Error('token header uses an extension (b64, crit)');
  if (!algorithms.includes(header.alg))
    throw new Error(`token algorithm ${JSON.stringify(header.alg)} is not accepted`);
  const { jwk } = header;
  if (typeof jwk !== 'object' || jwk === null) throw new Error('token header carries no public key (jwk)');
  checkPublicKey(jwk);
  return jwk;
}

function checkTime(issuedAtMs: number, expiresAtMs: number, nowMs: number): void {
  const skewMs = limits.clockSkewSeconds * 1_000;
  if (issuedAtMs > nowMs + skewMs) {
    throw new Error(`token is from the future by ${Math.round((issuedAtMs - nowMs) / 1_000)} s: set the clocks right`);
  }
  if (expiresAtMs < nowMs) {
    throw new Error(`token expired ${Math.round((nowMs - expiresAtMs) / 1_000)} s ago: set the clocks right`);
  }
}

/** Whoever registers says which hub it means, so that no other one can use it. Throws an Error. */
export function checkUri(uri: string, bases: BaseUrls): void {
  const isUrl = URL.canParse(uri) && /^https?:$/.test(new URL(uri).protocol);
  if (isUrl && bases.hasOrigin(new URL(uri))) return;
  throw new Error(
    `registration is for ${JSON.stringify(uri).slice(0, 200)} but this hub is ${bases}: dial that, or set --base`,
  );
}

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/** Throws an Error when a key is more than a public one, or long enough to keep us busy. */
export function checkPublicKey(jwk: JWK): void {
  if (privateMembers.some((member) => member in jwk)) throw new Error('the registration carries a private key');
  // Whatever else stands there would be read as something else by whoever comes next.
  const isText = Object.values(jwk).every((member) => typeof member === 'string' || Array.isArray(member));
  if (!isText) throw new Error('the key has members that are no text');
  if (jwk.kty === 'RSA' && String(jwk.n).length > 1_366) throw new Error('RSA key is too long');
}
