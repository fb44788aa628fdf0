import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { version } from '#internal/core/version';
import { V1HubSession, type V1HubSessionDeps } from '#internal/link/v1/hub-session';
import { linkOptions, websocketLink } from '#internal/link/websocket-link';

/** By this field of the handshake an Adit agent and an Adit hub know each other, whatever wire they speak. */
const versionField = 'Adit-Version';

export interface SubscribeDeps extends V1HubSessionDeps {
  /** A websocket was accepted; its agent has yet to register. */
  onOpened(session: V1HubSession): void;
}

/** Accepts the websockets of agents at `/proxy/subscribe`. */
export class Subscribe {
  readonly #server = new WebSocketServer({ noServer: true, clientTracking: false, ...linkOptions });
  readonly #timeoutMs: number;
  readonly #deps: SubscribeDeps;

  constructor(options: { timeoutMs: number }, deps: SubscribeDeps) {
    this.#timeoutMs = options.timeoutMs;
    this.#deps = deps;
    // How long the hub waits for an answer, so that its agent does not wait much longer for the origin.
    const fields = [`${versionField}: ${version}`, `Adit-Timeout: ${Math.ceil(options.timeoutMs / 1_000)}`];
    this.#server.on('headers', (headers) => headers.push(...fields));
  }

  upgrade(request: IncomingMessage, socket: Duplex, early: Buffer): void {
    const isAditAgent = request.headers[versionField.toLowerCase()] !== undefined;
    this.#server.handleUpgrade(request, socket, early, (websocket) => {
      const session = new V1HubSession({ isAditAgent, timeoutMs: this.#timeoutMs }, this.#deps, (handler) =>
        websocketLink(websocket, socket as Socket, handler),
      );
      this.#deps.onOpened(session);
    });
  }
}
