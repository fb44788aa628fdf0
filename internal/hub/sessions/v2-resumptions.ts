import type { NodeId } from '#internal/bus/bus';
import { AditError } from '#internal/core/errors';
import type { Resumed, V2HubLink, V2Registration } from '#internal/link/v2/hub-link';
import type { Directory, SessionRecord } from '../directory/directory.ts';
import { takenIds } from '../directory/taken-ids.ts';
import type { Registrar } from '../registration/registrar.ts';

export interface V2ResumptionsDeps {
  directory: Directory;
  /** A session goes on here over this connection: it was at `from`, which may be this hub. */
  take(record: SessionRecord, from: NodeId, link: V2HubLink): void;
  /** Another session has taken an id from a session that goes on here. */
  withdraw(session: string, clientId: string): void;
}

/** Agents that come back with a session of wire v2: the directory decides whether it goes on here. */
export class V2Resumptions {
  readonly #node: NodeId;
  readonly #deps: V2ResumptionsDeps;
  /** Sessions of which the directory is asked. */
  readonly #asked = new Set<string>();

  constructor(node: NodeId, deps: V2ResumptionsDeps) {
    this.#node = node;
    this.#deps = deps;
  }

  /** Whether a session may be about to go on here. */
  has(session: string): boolean {
    return this.#asked.has(session);
  }

  /** How the session goes on, or undefined when nobody knows it any more. Throws ADIT_REFUSED, ADIT_REPLACED or ADIT_HUB_BUSY. */
  async resume(
    registrar: Pick<Registrar, 'admitResume'>,
    registration: V2Registration,
    link: V2HubLink,
  ): Promise<Resumed | undefined> {
    const { keyId, tunnels } = await registrar.admitResume(registration);
    const { session, epoch } = registration.claim;
    const { directory } = this.#deps;
    this.#asked.add(session);
    try {
      while (!link.isClosed) {
        const known = await directory.read(session);
        if (known?.wire !== 'v2' || known.keyId !== keyId || known.epoch < epoch) break;
        const record = await directory.move(session, known.epoch, this.#node);
        // Another attempt was faster. The later one counts.
        if (!record) continue;
        this.#deps.take(record, known.node, link);
        // Whoever took names of it on its way could not tell it here.
        for (const clientId of await this.#taken(session, record.clientIds)) this.#deps.withdraw(session, clientId);
        return { epoch: record.epoch, hostname: tunnels[0]?.hostname };
      }
      await this.#taken(
        session,
        tunnels.map(({ clientId }) => clientId),
      );
      return undefined;
    } finally {
      this.#asked.delete(session);
    }
  }

  /** Those of its ids that other sessions have by now. Throws ADIT_REPLACED, if it is all of them: it need not come again. */
  async #taken(session: string, clientIds: readonly string[]): Promise<string[]> {
    const taken = await takenIds(this.#deps.directory, clientIds, session);
    if (taken.length < clientIds.length) return taken;
    throw new AditError('ADIT_REPLACED', 'another agent with this key took over');
  }
}
