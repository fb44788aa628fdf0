import { randomInt } from 'node:crypto';

/** The payload of the token that registers a v1 client: `mandate-token.json` of the original. */
export type MandateToken = { timestamp: number; uri: string; ttlSeconds: number };

const type = 'https://schema.brickchain.com/v2/mandate-token.json';

/**
 * The payload to sign. Two tokens of one millisecond must differ, since each is taken once: the digits below it are drawn.
 */
export function encodeMandateToken({ timestamp, uri, ttlSeconds }: MandateToken): string {
  const digits = randomInt(1_000_000).toString().padStart(6, '0');
  return JSON.stringify({
    '@type': type,
    '@timestamp': new Date(timestamp).toISOString().replace('Z', `${digits}Z`),
    uri,
    ttl: ttlSeconds,
  });
}

/** Reads a payload whose signature has been verified. Throws an Error that names what is wrong. */
export function decodeMandateToken(payload: Uint8Array): MandateToken {
  let members: unknown;
  try {
    members = JSON.parse(Buffer.from(payload).toString('utf8'));
  } catch {
    throw new Error('mandate token is not JSON');
  }
  if (typeof members !== 'object' || members === null) throw new Error('mandate token is not a JSON object');
  const { '@type': kind, '@timestamp': timestamp, uri, ttl } = members as Record<string, unknown>;
  if (kind !== type) throw new Error('mandate token has another @type');
  // Date.parse also takes forms that are not RFC 3339, among them ones without a time zone.
  const isRfc3339 =
    typeof timestamp === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i.test(timestamp);
  const timestampMs = isRfc3339 ? Date.parse(timestamp.replace(/(\.\d{3})\d+/, '$1')) : Number.NaN;
  if (Number.isNaN(timestampMs)) throw new Error('mandate token has no RFC 3339 @timestamp');
  if (typeof uri !== 'string') throw new Error('mandate token has no uri');
  if (typeof ttl !== 'number' || !(ttl > 0)) throw new Error('mandate token has no ttl');
  return { timestamp: timestampMs, uri, ttlSeconds: ttl };
}
