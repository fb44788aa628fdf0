import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export type Algorithm = 'ES256' | 'ES384' | 'ES512' | 'EdDSA' | 'Ed25519' | 'RS256' | 'PS256';
export type Json = Record<string, unknown>;

export interface TestKey {
  algorithm: Algorithm;
  privateKey: KeyObject;
  publicKey: KeyObject;
  jwk: Json;
}

/** What a token says, before it is made wrong. */
export interface TokenParts {
  header: Json;
  payload: Json;
}

const curves = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' } as const;

/** A new key pair for an algorithm. */
export function newTestKey(algorithm: Algorithm, rsaBits = 2_048): TestKey {
  const { privateKey, publicKey } = generate(algorithm, rsaBits);
  return { algorithm, privateKey, publicKey, jwk: publicKey.export({ format: 'jwk' }) as Json };
}

function generate(algorithm: Algorithm, modulusLength: number): { privateKey: KeyObject; publicKey: KeyObject } {
  if (algorithm === 'EdDSA' || algorithm === 'Ed25519') return generateKeyPairSync('ed25519');
  if (algorithm === 'RS256' || algorithm === 'PS256') return generateKeyPairSync('rsa', { modulusLength });
  return generateKeyPairSync('ec', { namedCurve: curves[algorithm] });
}

/** The parts of a token that a hub at `uri` takes at `wallMs`. */
export function tokenParts(key: TestKey, { uri, wallMs }: { uri: string; wallMs: number }): TokenParts {
  return {
    header: { alg: key.algorithm, jwk: key.jwk },
    payload: {
      '@type': 'https://schema.brickchain.com/v2/mandate-token.json',
      '@timestamp': new Date(wallMs).toISOString(),
      uri,
      ttl: 60,
    },
  };
}

/** Signs parts as a compact JWS, whatever they say. */
export function signToken(key: TestKey, { header, payload }: TokenParts): string {
  return signTexts(key, JSON.stringify(header), JSON.stringify(payload));
}

/** Signs a header and a payload as they are written. */
export function signTexts(key: TestKey, header: string, payload: string): string {
  const input = `${Buffer.from(header).toString('base64url')}.${Buffer.from(payload).toString('base64url')}`;
  return `${input}.${signature(key, Buffer.from(input)).toString('base64url')}`;
}

function signature({ algorithm, privateKey }: TestKey, input: Buffer): Buffer {
  switch (algorithm) {
    case 'EdDSA':
    case 'Ed25519':
      return sign(null, input, privateKey);
    case 'RS256':
      return sign('sha256', input, privateKey);
    case 'PS256':
      return sign('sha256', input, { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
    default:
      return sign(`sha${algorithm.slice(2)}`, input, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  }
}

const orderOfP256 = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** The same ES256 token with the second form of its signature: s becomes n − s. */
export function withSecondSignature(token: string): string {
  const end = token.lastIndexOf('.') + 1;
  const bytes = Buffer.from(token.slice(end), 'base64url');
  const s = BigInt(`0x${bytes.toString('hex', 32)}`);
  bytes.write((orderOfP256 - s).toString(16).padStart(64, '0'), 32, 'hex');
  return token.slice(0, end) + bytes.toString('base64url');
}
