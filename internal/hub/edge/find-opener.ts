import { AditError } from '#internal/core/errors';
import type { StreamOpener } from '#internal/link/stream';
import type { Gate } from '../gate.ts';

/**
 * Who serves a client id now. A promise only where that has to be asked elsewhere. Throws or rejects with
 * ADIT_LOOKUP_FAILED.
 */
export type FindOpener = (clientId: string) => StreamOpener | undefined | Promise<StreamOpener | undefined>;

export interface FindDeps {
  gate: Gate;
  findOpener: FindOpener;
}

/**
 * Who serves a client id, once the gate lets a request pass: at once when nothing has to be waited for. Throws or rejects
 * with ADIT_TUNNEL_OFFLINE, ADIT_LOOKUP_FAILED and what the gate says.
 */
export function findAdmitted(clientId: string, deps: FindDeps): StreamOpener | Promise<StreamOpener> {
  const found = deps.findOpener(clientId);
  return found instanceof Promise
    ? found.then((answer) => admit(clientId, opener(answer), deps))
    : admit(clientId, opener(found), deps);
}

/** Who serves a client id instead of a session that was lost; undefined when nobody is known to. Never fails. */
export function findOther(
  clientId: string,
  lost: StreamOpener,
  { findOpener }: FindDeps,
): StreamOpener | undefined | Promise<StreamOpener | undefined> {
  const other = (found: StreamOpener | undefined) => (found?.session === lost.session ? undefined : found);
  try {
    const found = findOpener(clientId);
    return found instanceof Promise ? found.then(other, () => undefined) : other(found);
  } catch {
    return undefined;
  }
}

function admit(
  clientId: string,
  found: StreamOpener,
  { gate, findOpener }: FindDeps,
): StreamOpener | Promise<StreamOpener> {
  // Only now: names that nobody serves are not counted, since strangers can make up as many as they like.
  const admitted = gate.admit(clientId);
  if (admitted === undefined) return found;
  // Another session may serve it by then.
  return admitted.then(() => {
    const again = findOpener(clientId);
    return again instanceof Promise ? again.then(opener) : opener(again);
  });
}

function opener(found: StreamOpener | undefined): StreamOpener {
  if (found) return found;
  throw new AditError(
    'ADIT_TUNNEL_OFFLINE',
    'no agent is connected for this address: try again in a moment, and if the tunnel is yours, start adit',
    { retryAfterSeconds: 5 },
  );
}
