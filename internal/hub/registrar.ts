import type { Clock } from '#internal/core/clock';
import { AditError } from '#internal/core/errors';
import { clientIdOfSession } from '#messages/client-id';
import { limits } from '#messages/limits';
import type { RegistrationRequest } from '#messages/v1';
import type { BaseUrls } from './base-urls.ts';
import type { Directory, Holder } from './directory.ts';
import { verifyMandate } from './mandate.ts';
import type { TakeoverGuard } from './takeover-guard.ts';
import type { TokenMemory } from './token-memory.ts';

export interface RegistrarDeps {
  clock: Clock;
  bases: BaseUrls;
  directory: Directory;
  tokens: TokenMemory;
  guard: TakeoverGuard;
  /** Whether a key may register here. */
  isAllowed(keyId: string): boolean;
  /** Tells a session that a newer one has taken this id from it. */
  evict(previous: Holder, clientId: string): void;
}

/** Decides on registrations: who may have which client id. */
export class Registrar {
  readonly #domain: string;
  readonly #deps: RegistrarDeps;

  /** An empty domain means that tunnels have no hostnames here. */
  constructor(options: { domain: string }, deps: RegistrarDeps) {
    this.#domain = options.domain;
    this.#deps = deps;
  }

  /** Gives the requested id to `holder`. Throws ADIT_REFUSED, or ADIT_HUB_BUSY when a later attempt may succeed. */
  async register(
    request: RegistrationRequest,
    holder: Holder,
  ): Promise<{ clientId: string; hostname: string | undefined }> {
    const { directory, guard, tokens, isAllowed, evict } = this.#deps;
    if (request.session.length > limits.sessionNameLength) {
      throw new AditError('ADIT_REFUSED', `session names have at most ${limits.sessionNameLength} letters`);
    }
    const mandate = await verifyMandate(request.mandateToken, this.#deps);
    if (!isAllowed(mandate.keyId))
      throw new AditError('ADIT_REFUSED', `key ${mandate.keyId} is not allowed on this hub`);
    tokens.take(mandate, holder.session);
    const clientId = clientIdOfSession(mandate.keyId, request.session);
    const current = directory.find(clientId);
    if (current && current.session !== holder.session) guard.admit(clientId);
    const previous = directory.claim(clientId, holder);
    if (previous) evict(previous, clientId);
    return { clientId, hostname: this.#domain === '' ? undefined : `${clientId}.${this.#domain}` };
  }
}
