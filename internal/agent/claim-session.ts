import { createHash } from 'node:crypto';
import { AditError } from '#internal/core/errors';
import { clientIdOfSession } from '#messages/client-id';
import type { OriginAddress } from './origin-address.ts';
import { type LockHolder, RuntimeLock } from './runtime-lock.ts';

export interface ClaimOptions {
  /** The folder of this user's locks. */
  folder: string;
  /** The origin of the hub's URL: the same name on another hub is another one. */
  hub: string;
  keyId: string;
  /** The session that was asked for, if any. */
  session: string | undefined;
  endpoint: OriginAddress['endpoint'];
  self: LockHolder;
}

export interface Claim {
  session: string;
  lock: RuntimeLock;
  /** Who holds the key's own name, when this claim had to give way to it. */
  gaveWayTo: LockHolder | undefined;
}

/**
 * Claims a key's name on this machine, so that two agents of one user do not replace each other. Without a given
 * session the first one has the key's own name, and the next ones have one after their service. Throws ADIT_SESSION_IN_USE for a given
 * session that is taken.
 */
export async function claimSession(options: ClaimOptions): Promise<Claim> {
  const { session, endpoint } = options;
  if (session !== undefined) {
    const taken = await take(options, session);
    if (taken instanceof RuntimeLock) return { session, lock: taken, gaveWayTo: undefined };
    const name = session === '' ? 'this key' : `session "${session}" of this key`;
    throw new AditError(
      'ADIT_SESSION_IN_USE',
      `${name} is in use by adit with pid ${taken.pid}, which publishes ${taken.origin}: stop it, or name another --session`,
    );
  }
  const own = await take(options, '');
  if (own instanceof RuntimeLock) return { session: '', lock: own, gaveWayTo: undefined };
  const base = sessionName(endpoint);
  for (let n = 1; ; n += 1) {
    const candidate = n === 1 ? base : `${base}-${n}`;
    const lock = await take(options, candidate);
    if (lock instanceof RuntimeLock) return { session: candidate, lock, gaveWayTo: own };
  }
}

/** `port-3000`, or `socket-app` for a local socket `/run/app.sock`. */
function sessionName(endpoint: OriginAddress['endpoint']): string {
  if ('port' in endpoint) return `port-${endpoint.port}`;
  const base = endpoint.path.split(/[\\/]/).at(-1) ?? '';
  const word = base
    .replace(/\.[^.]*$/, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return word === '' ? 'socket' : `socket-${word}`;
}

async function take({ folder, hub, keyId, self }: ClaimOptions, session: string): Promise<RuntimeLock | LockHolder> {
  // Short, since the path of a local socket must be.
  const name = createHash('sha256')
    .update(`${hub} ${clientIdOfSession(keyId, session)}`)
    .digest('hex')
    .slice(0, 20);
  return await RuntimeLock.take(folder, name, self);
}
