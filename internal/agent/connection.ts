import type { IncomingMessage } from 'node:http';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { WebSocket } from 'ws';
import type { Clock } from '#internal/core/clock';
import { AditError, messageOf } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import { version } from '#internal/core/version';
import type { AcceptStream } from '#internal/link/stream';
import { V1AgentSession } from '#internal/link/v1/agent-session';
import { V2AgentSession } from '#internal/link/v2/agent-session';
import type { WindowBudget } from '#internal/link/v2/receive-window';
import { linkOptions, packetLink, textLink } from '#internal/link/websocket-link';
import { limits } from '#messages/limits';
import { v2Subprotocol } from '#messages/v2';
import type { AgentKey } from './key.ts';
import { maskOptions } from './mask.ts';
import { lookupWithLocalhost } from './origin-address.ts';
import { proveRegistration } from './registration-proof.ts';
import { registrationToken } from './registration-token.ts';

export interface HubAddress {
  /** http(s), without a path. */
  url: URL;
  /** Certificates to trust instead of the system's, PEM. */
  ca: Buffer | undefined;
  /** The URL of an HTTP proxy to dial through. */
  proxy: string | undefined;
}

/** Which wire to speak: with `auto` v2, or v1 with a hub that does not know it. */
export type WireChoice = 'auto' | 'v1' | 'v2';

export interface ConnectOptions {
  hub: HubAddress;
  key: AgentKey;
  session: string;
  wire: WireChoice;
}

export interface ConnectDeps {
  clock: Clock;
  log: Log;
  /** What may be granted to the streams of this process. */
  windows: WindowBudget;
  accept: AcceptStream;
  /** The tunnel has a hostname now, or none where the hub has no domain. */
  onRegistered(hostname: string | undefined): void;
}

/** A registered connection to a hub. */
export interface Connection {
  /** Undefined when the hub has no domain. */
  hostname: string | undefined;
  /** How it ended: a websocket close code and the hub's reason. Never rejects. */
  closed: Promise<{ code: number; reason: string }>;
  disconnect(): void;
  destroy(): void;
}

/** A websocket that was accepted, and the hub's answer to its handshake. */
interface Dialled {
  websocket: WebSocket;
  response: IncomingMessage;
}

/** What both wires' sessions are for us. */
interface Session {
  /** Throws ADIT_REFUSED, ADIT_HUB_BUSY or ADIT_LINK_LOST. */
  register(): Promise<string | undefined>;
  disconnect(): void;
  destroy(): void;
}

/**
 * Dials the hub and registers. Throws ADIT_REFUSED when another attempt would end the same way, and any other error
 * when it may not.
 */
export async function connect(options: ConnectOptions, deps: ConnectDeps, signal: AbortSignal): Promise<Connection> {
  const dialled = await dialWire(options, deps.clock, signal);
  let onClosed: (code: number, reason: string) => void = () => undefined;
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    onClosed = (code, reason) => resolve({ code, reason });
  });
  const sessionDeps = { ...deps, onClosed };
  const session = speaksV2(dialled)
    ? v2Session(dialled, options, sessionDeps)
    : v1Session(dialled, options, sessionDeps);
  dialled.websocket.resume();
  const destroy = (): void => session.destroy();
  signal.addEventListener('abort', destroy, { once: true });
  try {
    const hostname = await session.register();
    return { hostname, closed, disconnect: () => session.disconnect(), destroy };
  } catch (error) {
    session.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', destroy);
  }
}

/** Some websocket servers grant whatever is offered first; only a hub of ours also says who it is. */
function speaksV2({ websocket, response }: Dialled): boolean {
  return websocket.protocol === v2Subprotocol && response.headers['adit-version'] !== undefined;
}

type SessionDeps = ConnectDeps & { onClosed(code: number, reason: string): void };

function v2Session(
  { websocket, response }: Dialled,
  { hub, key, session }: ConnectOptions,
  deps: SessionDeps,
): Session {
  const agent = new V2AgentSession(deps, (handler) => packetLink(websocket, response.socket, handler));
  return {
    register: () => agent.register(proveRegistration(key, { origin: hub.url.origin, session })),
    disconnect: () => agent.disconnect(),
    destroy: () => agent.destroy(),
  };
}

function v1Session(
  { websocket, response }: Dialled,
  { hub, key, session }: ConnectOptions,
  deps: SessionDeps,
): Session {
  const isAditHub = response.headers['adit-version'] !== undefined;
  const maxBodyBytes = isAditHub ? limits.v1Body : limits.v1OriginalHubBody;
  const hubTimeoutSeconds = Number(response.headers['adit-timeout'] ?? (isAditHub ? 300 : originalTimeoutSeconds));
  const agent = new V1AgentSession(
    { maxBodyBytes, abandonMs: (hubTimeoutSeconds + graceSeconds) * 1_000 },
    deps,
    (handler) => textLink(websocket, response.socket, handler),
  );
  return {
    register: async () => {
      const token = await registrationToken(key, { hub: hub.url.origin, wallMs: deps.clock.wallMs() });
      return await agent.register(token, session);
    },
    disconnect: () => agent.disconnect(),
    destroy: () => agent.destroy(),
  };
}

/** Dials with the wire that was asked for. A hub of the original passes the offer over, and is dialled again without. */
async function dialWire({ hub, wire }: ConnectOptions, clock: Clock, signal: AbortSignal): Promise<Dialled> {
  if (wire === 'v1') return await dial(hub, [], clock, signal);
  try {
    const dialled = await dial(hub, [v2Subprotocol], clock, signal);
    if (wire === 'auto' || speaksV2(dialled)) return dialled;
    dialled.websocket.terminate();
  } catch (error) {
    if (messageOf(error) !== notGranted) throw error;
    if (wire === 'auto') return await dial(hub, [], clock, signal);
  }
  throw new AditError('ADIT_REFUSED', `the hub ${hub.url.origin} does not speak wire v2: use --wire auto`);
}

/** How the library says that a hub has passed our offer over. */
const notGranted = 'Server sent no subprotocol';

/** How long an original hub waits for an answer. */
const originalTimeoutSeconds = 30;
/** How much longer than the hub an agent waits for its origin: documents travel too. */
const graceSeconds = 5;

/** How long a hub, or a proxy before it, may take to answer the handshake. */
const dialMs = 10_000;

async function dial(
  { url, ca, proxy }: HubAddress,
  subprotocols: string[],
  clock: Clock,
  signal: AbortSignal,
): Promise<Dialled> {
  const address = new URL('/proxy/subscribe', url);
  address.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const tls = ca ? { ca } : {};
  // A connection to a proxy that does not answer is known to nobody yet: only this ends it.
  const dialling = new AbortController();
  const proxyAgent = proxy === undefined ? undefined : new HttpsProxyAgent(proxy, { signal: dialling.signal });
  const websocket = new WebSocket(address, subprotocols, {
    ...linkOptions,
    ...maskOptions(url, proxy !== undefined),
    ...tls,
    ...(proxyAgent ? { agent: proxyAgent } : { lookup: lookupWithLocalhost }),
    headers: { 'Adit-Version': version, 'User-Agent': `adit/${version}` },
  });
  // The library's own time limit does not see a proxy that is silent, and neither would its end be heard.
  let giveUp: (why: string) => void = () => undefined;
  const abort = (): void => giveUp('it was no longer wanted');
  signal.addEventListener('abort', abort, { once: true });
  const stopTimer = clock.after(dialMs, () => giveUp(`no answer within ${dialMs / 1_000} s`));
  try {
    return await new Promise((resolve, reject) => {
      let response: IncomingMessage | undefined;
      giveUp = (why) => {
        reject(new AditError('ADIT_LINK_LOST', why));
        websocket.terminate();
        dialling.abort();
      };
      websocket.once('upgrade', (message) => {
        response = message;
      });
      websocket.once('open', () => {
        // A hub may speak first, and nobody listens yet.
        websocket.pause();
        if (response) resolve({ websocket, response });
      });
      websocket.once('unexpected-response', (_request, { statusCode }) => {
        reject(new AditError('ADIT_LINK_LOST', `it answered ${statusCode} to the websocket handshake: is it a hub?`));
        websocket.terminate();
      });
      // Stays on: a websocket that is cut while it dials fails a second time.
      websocket.on('error', reject);
    });
  } finally {
    stopTimer();
    signal.removeEventListener('abort', abort);
  }
}
