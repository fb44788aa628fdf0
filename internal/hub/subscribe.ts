import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { TurnQueue } from '#internal/core/turn-queue';
import { version } from '#internal/core/version';
import { V1HubSession, type V1HubSessionDeps } from '#internal/link/v1/hub-session';
import { V2HubLink, type V2HubLinkDeps } from '#internal/link/v2/hub-link';
import { linkOptions, packetLink, textLink } from '#internal/link/websocket-link';
import { v2Subprotocol } from '#messages/v2';

/** By this field of the handshake an Adit agent and an Adit hub know each other, whatever wire they speak. */
const versionField = 'Adit-Version';

export interface SubscribeDeps {
  /** Handshakes are answered by turns. */
  turns: TurnQueue;
  v1: V1HubSessionDeps;
  v2: V2HubLinkDeps;
  /** A websocket was accepted; its agent has yet to register. */
  onOpenedV1(session: V1HubSession): void;
  onOpenedV2(link: V2HubLink): void;
}

export interface SubscribeOptions {
  /** How long the head of a response may take. */
  timeoutMs: number;
  /** How long a session outlives its connection. */
  graceMs: number;
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
  #isDraining = false;

  constructor(options: SubscribeOptions, deps: SubscribeDeps) {
    this.#options = options;
    this.#deps = deps;
    // How long the hub waits for an answer, so that its agent does not wait much longer for the origin.
    const fields = [`${versionField}: ${version}`, `Adit-Timeout: ${Math.ceil(options.timeoutMs / 1_000)}`];
    this.#server.on('headers', (headers) => headers.push(...fields));
  }

  /** Sends agents that come from now on to another hub. */
  drain(): void {
    this.#isDraining = true;
  }

  upgrade(request: IncomingMessage, socket: Duplex, early: Buffer): void {
    if (this.#isDraining) {
      const fields = 'Retry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';
      socket.end(`HTTP/1.1 503 Service Unavailable\r\n${fields}`);
      return;
    }
    this.#deps.turns.add(() => this.#accept(request, socket, early));
  }

  #accept(request: IncomingMessage, socket: Duplex, early: Buffer): void {
    const isAditAgent = request.headers[versionField.toLowerCase()] !== undefined;
    this.#server.handleUpgrade(request, socket, early, (websocket) => {
      const { v1, v2, onOpenedV1, onOpenedV2 } = this.#deps;
      if (websocket.protocol === v2Subprotocol) {
        onOpenedV2(
          new V2HubLink(this.#options, v2, (handler) =>
            packetLink(websocket, socket as Socket, { isMasked: true }, handler),
          ),
        );
        return;
      }
      const { timeoutMs } = this.#options;
      const options = { isAditAgent, timeoutMs };
      onOpenedV1(new V1HubSession(options, v1, (handler) => textLink(websocket, socket as Socket, handler)));
    });
  }
}
