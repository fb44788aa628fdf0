import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { version } from '#internal/core/version';
import { V1HubSession, type V1HubSessionDeps } from '#internal/link/v1/hub-session';
import { V2HubSession, type V2HubSessionDeps } from '#internal/link/v2/hub-session';
import { linkOptions, packetLink, textLink } from '#internal/link/websocket-link';
import { v2Subprotocol } from '#messages/v2';

/** By this field of the handshake an Adit agent and an Adit hub know each other, whatever wire they speak. */
const versionField = 'Adit-Version';

export interface SubscribeDeps
  extends Omit<V1HubSessionDeps, 'onClosed'>,
    Omit<V2HubSessionDeps, 'register' | 'onClosed'> {
  registerV2: V2HubSessionDeps['register'];
  /** A websocket was accepted; its agent has yet to register. */
  onOpened(session: V1HubSession | V2HubSession): void;
  /** The websocket is gone; called once. */
  onClosed(session: V1HubSession | V2HubSession): void;
}

export interface SubscribeOptions {
  /** How long the head of a response may take. */
  timeoutMs: number;
  /** This hub's name on the wire. */
  node: string;
}

/** Accepts the websockets of agents at `/proxy/subscribe`. */
export class Subscribe {
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    // Who offers it gets wire v2; clients of the original offer nothing.
    handleProtocols: (offered) => offered.has(v2Subprotocol) && v2Subprotocol,
    ...linkOptions,
  });
  readonly #options: SubscribeOptions;
  readonly #deps: SubscribeDeps;

  constructor(options: SubscribeOptions, deps: SubscribeDeps) {
    this.#options = options;
    this.#deps = deps;
    // How long the hub waits for an answer, so that its agent does not wait much longer for the origin.
    const fields = [`${versionField}: ${version}`, `Adit-Timeout: ${Math.ceil(options.timeoutMs / 1_000)}`];
    this.#server.on('headers', (headers) => headers.push(...fields));
  }

  upgrade(request: IncomingMessage, socket: Duplex, early: Buffer): void {
    const isAditAgent = request.headers[versionField.toLowerCase()] !== undefined;
    this.#server.handleUpgrade(request, socket, early, (websocket) => {
      const { timeoutMs } = this.#options;
      const { registerV2, ...deps } = this.#deps;
      const session =
        websocket.protocol === v2Subprotocol
          ? new V2HubSession(this.#options, { ...deps, register: registerV2 }, (handler) =>
              packetLink(websocket, socket as Socket, handler),
            )
          : new V1HubSession({ isAditAgent, timeoutMs }, deps, (handler) =>
              textLink(websocket, socket as Socket, handler),
            );
      this.#deps.onOpened(session);
    });
  }
}
