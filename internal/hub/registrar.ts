import type { Clock } from '#internal/core/clock';
import { AditError } from '#internal/core/errors';
import type { RegisteredTunnel, V2Registration } from '#internal/link/v2/hub-session';
import { clientIdOfSession } from '#messages/client-id';
import { limits } from '#messages/limits';
import type { RegistrationRequest } from '#messages/v1';
import type { BaseUrls } from './base-urls.ts';
import type { Directory, Holder } from './directory.ts';
import { verifyMandate } from './mandate.ts';
import { verifyProof } from './proof.ts';
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
  async register(request: RegistrationRequest, holder: Holder): Promise<RegisteredTunnel> {
    if (request.session.length > limits.sessionNameLength) {
      throw new AditError('ADIT_REFUSED', `session names have at most ${limits.sessionNameLength} letters`);
    }
    const mandate = await verifyMandate(request.mandateToken, this.#deps);
    this.#checkAllowed(mandate.keyId);
    this.#deps.tokens.take(mandate, holder.session);
    const clientId = clientIdOfSession(mandate.keyId, request.session);
    this.#admit(clientId, holder);
    return this.#claim(clientId, holder);
  }

  /** The same for all tunnels of a registration of wire v2. */
  async registerV2(registration: V2Registration, holder: Holder): Promise<RegisteredTunnel[]> {
    const keyId = await verifyProof(registration, this.#deps.bases);
    this.#checkAllowed(keyId);
    const clientIds = registration.claim.tunnels.map(({ session }) => clientIdOfSession(keyId, session));
    // All of them or none: nothing is taken from anybody before each may be.
    for (const clientId of clientIds) this.#admit(clientId, holder);
    return clientIds.map((clientId) => this.#claim(clientId, holder));
  }

  #checkAllowed(keyId: string): void {
    if (!this.#deps.isAllowed(keyId)) throw new AditError('ADIT_REFUSED', `key ${keyId} is not allowed on this hub`);
  }

  #admit(clientId: string, holder: Holder): void {
    const current = this.#deps.directory.find(clientId);
    if (current && current.session !== holder.session) this.#deps.guard.admit(clientId);
  }

  #claim(clientId: string, holder: Holder): RegisteredTunnel {
    const previous = this.#deps.directory.claim(clientId, holder);
    if (previous) this.#deps.evict(previous, clientId);
    return { clientId, hostname: this.#domain === '' ? undefined : `${clientId}.${this.#domain}` };
  }
}
