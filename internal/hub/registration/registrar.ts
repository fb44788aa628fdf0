import type { Clock } from '#internal/core/clock';
import { AditError } from '#internal/core/errors';
import type { TurnQueue } from '#internal/core/turn-queue';
import type { RegisteredTunnel, V2Registration } from '#internal/link/v2/hub-link';
import { clientIdOfSession } from '#messages/client-id';
import { limits } from '#messages/limits';
import type { RegistrationRequest } from '#messages/v1';
import type { BaseUrls } from '../base-urls.ts';
import type { Directory } from '../directory/directory.ts';
import type { Tokens } from '../tokens/tokens.ts';
import { verifyMandate } from './mandate.ts';
import { verifyProof } from './proof.ts';
import type { TakeoverGuard } from './takeover-guard.ts';

export interface RegistrarDeps {
  clock: Clock;
  bases: BaseUrls;
  directory: Pick<Directory, 'find'>;
  tokens: Tokens;
  guard: TakeoverGuard;
  /** Signatures are verified by turns. */
  turns: TurnQueue;
  /** Whether a key may register here. */
  isAllowed(keyId: string): boolean;
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

  /** What a session of wire v1 may have. Throws ADIT_REFUSED, or ADIT_HUB_BUSY when a later attempt may succeed. */
  async admit(request: RegistrationRequest, session: string): Promise<{ keyId: string; tunnel: RegisteredTunnel }> {
    if (request.session.length > limits.sessionNameLength) {
      throw new AditError('ADIT_REFUSED', `session names have at most ${limits.sessionNameLength} letters`);
    }
    await this.#deps.turns.wait();
    const mandate = await verifyMandate(request.mandateToken, this.#deps);
    const { keyId } = mandate;
    this.#checkAllowed(keyId);
    await this.#deps.tokens.take(mandate, session);
    const clientId = clientIdOfSession(keyId, request.session);
    await this.#guard(clientId, session);
    return { keyId, tunnel: this.#tunnel(clientId) };
  }

  /** The same for all tunnels of a registration of wire v2. */
  async admitV2(registration: V2Registration): Promise<{ keyId: string; tunnels: RegisteredTunnel[] }> {
    const { keyId, clientIds } = await this.#admitKey('register', registration);
    // All of them or none: nothing is taken from anybody before each may be.
    for (const clientId of clientIds) await this.#guard(clientId, '');
    return { keyId, tunnels: clientIds.map((clientId) => this.#tunnel(clientId)) };
  }

  /** Who wants to go on with a session, and which tunnels that has. Throws ADIT_REFUSED. */
  async admitResume(registration: V2Registration): Promise<{ keyId: string; tunnels: RegisteredTunnel[] }> {
    const { keyId, clientIds } = await this.#admitKey('resume', registration);
    return { keyId, tunnels: clientIds.map((clientId) => this.#tunnel(clientId)) };
  }

  async #admitKey(purpose: 'register' | 'resume', registration: V2Registration) {
    await this.#deps.turns.wait();
    const keyId = await verifyProof(purpose, registration, this.#deps.bases);
    this.#checkAllowed(keyId);
    return { keyId, clientIds: registration.claim.tunnels.map(({ session }) => clientIdOfSession(keyId, session)) };
  }

  #checkAllowed(keyId: string): void {
    if (!this.#deps.isAllowed(keyId)) throw new AditError('ADIT_REFUSED', `key ${keyId} is not allowed on this hub`);
  }

  async #guard(clientId: string, session: string): Promise<void> {
    const current = await this.#deps.directory.find(clientId);
    if (current && current.session !== session) this.#deps.guard.admit(clientId);
  }

  #tunnel(clientId: string): RegisteredTunnel {
    return { clientId, hostname: this.#domain === '' ? undefined : `${clientId}.${this.#domain}` };
  }
}
