import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { AditError, messageOf } from '#internal/core/errors';
import type { V2Registration } from '#internal/link/v2/hub-link';
import { clientIdOfKey } from '#messages/client-id';
import { registrationProof } from '#messages/v2';
import type { BaseUrls } from '../base-urls.ts';
import { checkPublicKey, checkUri } from './mandate.ts';

/**
 * Verifies the signature of an agent that registers, or goes on with a session, and gives its key's id. Throws
 * ADIT_REFUSED with the reason.
 */
export async function verifyProof(
  purpose: 'register' | 'resume',
  registration: V2Registration,
  bases: BaseUrls,
): Promise<string> {
  try {
    const { key: jwk, algorithm, signature, claim, hubNonce } = registration;
    checkPublicKey(jwk);
    checkUri(claim.origin, bases);
    const isNew = claim.session === '' && claim.epoch === 0;
    if (isNew !== (purpose === 'register')) throw new Error(`it names a session where it has to ${purpose}`);
    if (claim.tunnels.length === 0) throw new Error('it asks for no tunnel');
    if (canonicalBytes('the nonce', claim.nonce).length !== 32) throw new Error('the nonce is not 32 bytes long');
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    const proof = registrationProof(purpose, claim, hubNonce);
    const isProven = verifyWith(key, algorithm, proof, canonicalBytes('the signature', signature));
    if (!isProven) throw new Error('the signature does not match');
    return clientIdOfKey(jwk);
  } catch (error) {
    throw new AditError('ADIT_REFUSED', `registration refused: ${messageOf(error)}`, { cause: error });
  }
}

/** Only the canonical form encodes to itself: no white space, padding, other alphabet or stray bits. */
function canonicalBytes(name: string, text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text) throw new Error(`${name} is not canonical base64url`);
  return bytes;
}

/** The key decides which algorithms may be named, never the other way round. */
function verifyWith(key: KeyObject, algorithm: string, data: Buffer, signature: Buffer): boolean {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const curve = details?.namedCurve;
  const name = `${type} ${curve ?? ''} ${algorithm}`;
  switch (name) {
    case 'ec prime256v1 ES256':
      return verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature);
    case 'ec secp384r1 ES384':
      return verify('sha384', data, { key, dsaEncoding: 'ieee-p1363' }, signature);
    case 'ec secp521r1 ES512':
      return verify('sha512', data, { key, dsaEncoding: 'ieee-p1363' }, signature);
    case 'ed25519  EdDSA':
      return verify(null, data, key, signature);
    case 'rsa  RS256':
      if ((details?.modulusLength ?? 0) < 2_048) throw new Error('RSA keys must have at least 2048 bits');
      return verify('sha256', data, { key, padding: constants.RSA_PKCS1_PADDING }, signature);
    default:
      throw new Error(`a key of type ${type} cannot sign with ${JSON.stringify(algorithm)}`);
  }
}
