import type { IncomingMessage } from 'node:http';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { WebSocket } from 'ws';
import type { Clock } from '#internal/core/clock';
import { AditError } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import { version } from '#internal/core/version';
import type { AcceptStream } from '#internal/link/stream';
import { V1AgentSession } from '#internal/link/v1/agent-session';
import { linkOptions, websocketLink } from '#internal/link/websocket-link';
import { limits } from '#messages/limits';
import type { AgentKey } from './key.ts';
import { lookupWithLocalhost } from './origin-address.ts';
import { registrationToken } from './registration-token.ts';

export interface HubAddress {
  /** http(s), without a path. */
  url: URL;
  /** Certificates to trust instead of the system's, PEM. */
  ca: Buffer | undefined;
  /** The URL of an HTTP proxy to dial through. */
  proxy: string | undefined;
}

export interface ConnectOptions {
  hub: HubAddress;
  key: AgentKey;
  session: string;
}

export interface ConnectDeps {
  clock: Clock;
  log: Log;
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

/**
 * Dials the hub and registers. Throws ADIT_REFUSED when another attempt would end the same way, and any other error
 * when it may not.
 */
export async function connect(options: ConnectOptions, deps: ConnectDeps, signal: AbortSignal): Promise<Connection> {
  const { websocket, response } = await dial(options.hub, deps.clock, signal);
  const isAditHub = response.headers['adit-version'] !== undefined;
  const maxBodyBytes = isAditHub ? limits.v1Body : limits.v1OriginalHubBody;
  const hubTimeoutSeconds = Number(response.headers['adit-timeout'] ?? (isAditHub ? 300 : originalTimeoutSeconds));
  let onClosed: (end: { code: number; reason: string }) => void = () => undefined;
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    onClosed = resolve;
  });
  const session = new V1AgentSession(
    { maxBodyBytes, abandonMs: (hubTimeoutSeconds + graceSeconds) * 1_000 },
    { ...deps, onClosed: (code, reason) => onClosed({ code, reason }) },
    (handler) => websocketLink(websocket, response.socket, handler),
  );
  const destroy = (): void => session.destroy();
  signal.addEventListener('abort', destroy, { once: true });
  try {
    const token = await registrationToken(options.key, { hub: options.hub.url.origin, wallMs: deps.clock.wallMs() });
    const hostname = await session.register(token, options.session);
    return { hostname, closed, disconnect: () => session.disconnect(), destroy };
  } catch (error) {
    session.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', destroy);
  }
}

/** How long an original hub waits for an answer. */
const originalTimeoutSeconds = 30;
/** How much longer than the hub an agent waits for its origin: documents travel too. */
const graceSeconds = 5;

/** How long a hub, or a proxy before it, may take to answer the handshake. */
const dialMs = 10_000;

async function dial(
  { url, ca, proxy }: HubAddress,
  clock: Clock,
  signal: AbortSignal,
): Promise<{ websocket: WebSocket; response: IncomingMessage }> {
  const address = new URL('/proxy/subscribe', url);
  address.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const tls = ca ? { ca } : {};
  // A connection to a proxy that does not answer is known to nobody yet: only this ends it.
  const dialling = new AbortController();
  const proxyAgent = proxy === undefined ? undefined : new HttpsProxyAgent(proxy, { signal: dialling.signal });
  const websocket = new WebSocket(address, {
    ...linkOptions,
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
      websocket.once('open', () => response && resolve({ websocket, response }));
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
