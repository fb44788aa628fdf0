import type { NodeId } from '#internal/bus/bus';

/** Who serves a client id: a session, and the hub that holds it. */
export interface Holder {
  readonly node: NodeId;
  readonly session: string;
}

/** Which session serves which client id. A later claim always wins. */
export class Directory {
  readonly #holders = new Map<string, Holder>();

  /** Gives the id to `holder` and returns who held it until now, if that was another session. */
  claim(clientId: string, holder: Holder): Holder | undefined {
    const previous = this.#holders.get(clientId);
    this.#holders.set(clientId, holder);
    return previous && previous.session !== holder.session ? previous : undefined;
  }

  find(clientId: string): Holder | undefined {
    return this.#holders.get(clientId);
  }

  /** Frees the id, unless a newer claim has moved it. */
  release(clientId: string, session: string): void {
    if (this.#holders.get(clientId)?.session === session) this.#holders.delete(clientId);
  }

  get size(): number {
    return this.#holders.size;
  }
}
