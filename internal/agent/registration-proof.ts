import { randomBytes, sign } from 'node:crypto';
import type { Prove } from '#internal/link/v2/agent-session';
import { registrationProof } from '#messages/v2';
import type { AgentKey } from './key.ts';

const hashes: Record<string, string> = { ES256: 'sha256', ES384: 'sha384', ES512: 'sha512', RS256: 'sha256' };

/** Signs a registration for wire v2. `origin` is the hub as it was dialled, so that no other hub can use it. */
export function proveRegistration(key: AgentKey, { origin, session }: { origin: string; session: string }): Prove {
  return (hubNonce) => {
    const nonce = randomBytes(32).toString('base64url');
    const claim = { origin, nonce, session: '', epoch: 0, tunnels: [{ session }] };
    const proof = registrationProof(claim, hubNonce);
    const signature = sign(hashes[key.algorithm] ?? null, proof, {
      key: key.privateKey,
      dsaEncoding: 'ieee-p1363',
    }).toString('base64url');
    return { key: key.publicJwk, algorithm: key.algorithm, signature, claim };
  };
}
