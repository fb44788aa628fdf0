import { randomBytes, sign } from 'node:crypto';
import type { V2AgentSession } from '#internal/link/v2/agent-session';
import { type Proof, registrationProof } from '#messages/v2';
import type { AgentKey } from './key.ts';

const hashes: Record<string, string> = { ES256: 'sha256', ES384: 'sha384', ES512: 'sha512', RS256: 'sha256' };

/**
 * Signs that we register, or go on with a session. `origin` is the hub as it was dialled, so that no other hub can use
 * it.
 */
export function prover(
  key: AgentKey,
  { origin, session }: { origin: string; session: string },
): (hubNonce: string, resumed?: Pick<V2AgentSession, 'id' | 'epoch'>) => Proof {
  return (hubNonce, resumed) => {
    const nonce = randomBytes(32).toString('base64url');
    const purpose = resumed ? 'resume' : 'register';
    const { id, epoch } = resumed ?? { id: '', epoch: 0 };
    const claim = { origin, nonce, session: id, epoch, tunnels: [{ session }] };
    const signature = sign(hashes[key.algorithm] ?? null, registrationProof(purpose, claim, hubNonce), {
      key: key.privateKey,
      dsaEncoding: 'ieee-p1363',
    }).toString('base64url');
    return { key: key.publicJwk, algorithm: key.algorithm, signature, claim };
  };
}
