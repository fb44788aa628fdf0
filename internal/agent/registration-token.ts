import { CompactSign } from 'jose';
import { encodeMandateToken } from '#messages/mandate-token';
import type { AgentKey } from './key.ts';

/** Signs the token that registers a key at one hub, good for a minute from `wallMs`. */
export async function registrationToken(
  key: AgentKey,
  { hub, wallMs }: { hub: string; wallMs: number },
): Promise<string> {
  const payload = encodeMandateToken({ timestamp: wallMs, uri: hub, ttlSeconds: 60 });
  return await new CompactSign(Buffer.from(payload))
    .setProtectedHeader({ alg: key.algorithm, jwk: key.publicJwk })
    .sign(key.privateKey);
}
