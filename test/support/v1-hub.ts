import type { NodeId } from '#internal/bus/bus';
import { MemoryNetwork } from '#internal/bus/memory';
import type { Clock } from '#internal/core/clock';
import { silentLog } from '#internal/core/log';
import { TurnQueue } from '#internal/core/turn-queue';
import { BaseUrls } from '#internal/hub/base-urls';
import { MemoryDirectory } from '#internal/hub/directory/memory';
import { Registrar } from '#internal/hub/registration/registrar';
import { TakeoverGuard } from '#internal/hub/registration/takeover-guard';
import { V1Sessions } from '#internal/hub/sessions/v1-sessions';
import { MemoryTokens } from '#internal/hub/tokens/memory';
import { V1HubSession } from '#internal/link/v1/hub-session';
import { WindowBudget } from '#internal/link/v2/receive-window';
import { decodeNodeMessage } from '#messages/node';
import { Peer } from './peer.ts';
import { newTestKey, signToken, type TestKey, tokenParts } from './signed-token.ts';
import { type TextLinkPair, textLinkPair } from './text-link-pair.ts';

export const testBase = 'http://127.0.0.1:7001';

export interface V1HubOptions {
  domain?: string;
  timeoutMs?: number;
  isAditAgent?: boolean;
  isAllowed?: (keyId: string) => boolean;
}

export interface ConnectedClient {
  session: V1HubSession;
  peer: Peer;
  pair: TextLinkPair;
}

/** A hub's registrations and sessions of wire v1, without its edge. */
export class V1Hub {
  readonly directory = new MemoryDirectory();
  readonly #sessions: V1Sessions;
  readonly #clock: Clock;
  readonly #options: V1HubOptions;
  readonly #registrar: Registrar;
  strayCount = 0;
  #tokenCount = 0;

  constructor(clock: Clock, options: V1HubOptions = {}) {
    this.#clock = clock;
    this.#options = options;
    const bus = new MemoryNetwork(() => undefined).bus('here');
    const ignore = (): void => undefined;
    // All that comes is what its sessions have lost.
    const message = (_from: NodeId, bytes: Buffer): void => {
      const { name, payload } = decodeNodeMessage(bytes);
      this.#sessions.withdraw(name, payload.toString());
    };
    void bus.start({ message, gone: ignore, heard: ignore, writable: ignore });
    const windows = new WindowBudget(0);
    this.#sessions = new V1Sessions('here', { clock, log: silentLog, bus, directory: this.directory, windows });
    this.#registrar = new Registrar(
      { domain: options.domain ?? 'tunnel.test' },
      {
        clock,
        bases: new BaseUrls([new URL(testBase)]),
        directory: this.directory,
        tokens: new MemoryTokens(clock),
        guard: new TakeoverGuard(clock),
        turns: new TurnQueue(),
        isAllowed: options.isAllowed ?? (() => true),
      },
    );
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** Lets agents go as a hub does that ends. */
  leave(options: { isLast: boolean }): boolean {
    return this.#sessions.leave(options);
  }

  /** A client's websocket: the hub's session on one end, the test on the other. */
  connect(): ConnectedClient {
    const pair = textLinkPair();
    const { timeoutMs = 30_000, isAditAgent = false } = this.#options;
    const session = new V1HubSession(
      { isAditAgent, timeoutMs },
      {
        clock: this.#clock,
        log: silentLog,
        register: (request, asking) => this.#sessions.register(this.#registrar, request, asking),
        onClosed: (closed) => this.#sessions.forget(closed),
        onStrayAnswer: () => {
          this.strayCount += 1;
        },
      },
      pair.left,
    );
    this.#sessions.add(session);
    return { session, peer: new Peer(pair.right), pair };
  }

  /** A new token that this hub takes now. */
  token(key: TestKey): string {
    const { header, payload } = tokenParts(key, { uri: testBase, wallMs: this.#clock.wallMs() });
    this.#tokenCount += 1;
    // The clock may stand still, and a token is taken once.
    return signToken(key, { header, payload: { ...payload, mandates: [String(this.#tokenCount)] } });
  }

  /** A client that has registered. */
  async connectRegistered(key: TestKey = newTestKey('ES256')): Promise<ConnectedClient & { clientId: string }> {
    const client = this.connect();
    client.peer.send('registration-request', { mandateToken: this.token(key) });
    const { keyID } = await client.peer.document('registration-response');
    return { ...client, clientId: String(keyID) };
  }
}
