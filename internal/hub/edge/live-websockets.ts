/** A websocket between a visitor and an origin. */
export interface LiveWebsocket {
  /** Closes it towards both, so that the visitor comes back. */
  restart(): void;
}

/** The websockets that are up, for a hub that stops. */
export class LiveWebsockets {
  readonly #live = new Set<LiveWebsocket>();
  #onNone: (() => void) | undefined;

  add(websocket: LiveWebsocket): void {
    this.#live.add(websocket);
  }

  delete(websocket: LiveWebsocket): void {
    this.#live.delete(websocket);
    if (this.#live.size === 0) this.#onNone?.();
  }

  /** Closes all of them. Resolves once the last one has gone, which takes a second at most. */
  async restart(): Promise<void> {
    for (const websocket of [...this.#live]) websocket.restart();
    if (this.#live.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onNone = resolve;
    });
  }
}
