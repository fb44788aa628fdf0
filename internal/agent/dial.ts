import type { IncomingMessage } from 'node:http';
import {
  connect as connectPlain,
  isIP,
  type LookupFunction,
  type OnReadOpts,
  type Socket,
  type TcpNetConnectOpts,
} from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { WebSocket } from 'ws';
import type { Clock } from '#internal/core/clock';
import { AditError, messageOf } from '#internal/core/errors';
import { connectInPlace } from '#internal/core/in-place-socket';
import { version } from '#internal/core/version';
import { linkOptions } from '#internal/link/websocket-link';
import { handshakeError, proxyError } from './handshake.ts';
import { addressMs } from './hub-lookup.ts';
import { maskOptions } from './mask.ts';

export interface HubAddress {
  /** http(s), without a path. */
  url: URL;
  /** Certificates to trust instead of those that Node knows, PEM. */
  ca: Buffer | undefined;
  /** The URL of an HTTP proxy to dial through. */
  proxy: string | undefined;
}

export interface DialDeps {
  clock: Clock;
  /** Resolves the hub's name, unless a proxy does. */
  lookup: LookupFunction;
}

/** A websocket that was accepted, and the hub's answer to its handshake. */
export interface Dialled {
  websocket: WebSocket;
  response: IncomingMessage;
  /** Whether what it sends is masked with 0. */
  hasZeroMask: boolean;
}

/** The hub takes websockets, but grants none of the subprotocols that it was offered. */
export class SubprotocolRefused extends Error {
  override readonly name = 'SubprotocolRefused';
}

/** How long a hub, or a proxy before it, may take to answer the handshake. */
const dialMs = 10_000;

/**
 * Opens a websocket to a hub. Throws {@link SubprotocolRefused}, as {@link handshakeError} and {@link proxyError} have it,
 * and whatever the network does.
 */
export async function dial(
  { url, ca, proxy }: HubAddress,
  subprotocols: string[],
  { clock, lookup }: DialDeps,
  signal: AbortSignal,
): Promise<Dialled> {
  const address = new URL('/proxy/subscribe', url);
  address.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const tls = ca ? { ca } : {};
  // A connection to a proxy that does not answer is known to nobody yet: only this ends it.
  const dialling = new AbortController();
  const proxyAgent = proxy === undefined ? undefined : new HttpsProxyAgent(proxy, { signal: dialling.signal });
  // Who answers the handshake is the proxy itself, unless it has connected us.
  let connectStatus: number | undefined;
  proxyAgent?.on('proxyConnect', ({ statusCode }: { statusCode: number }) => {
    connectStatus = statusCode;
  });
  const mask = maskOptions(url, proxy !== undefined);
  const websocket = new WebSocket(address, subprotocols, {
    ...linkOptions,
    ...mask,
    ...tls,
    ...(proxyAgent
      ? { agent: proxyAgent }
      : {
          lookup,
          autoSelectFamily: true,
          autoSelectFamilyAttemptTimeout: addressMs,
          createConnection: connectHub(address.protocol === 'wss:'),
        }),
    headers: { 'Adit-Version': version, 'User-Agent': `adit/${version}` },
  });
  // The library's own time limit does not see a proxy that is silent, and neither would its end be heard.
  let giveUp: (why: string) => void = () => undefined;
  const abort = (): void => giveUp(messageOf(signal.reason));
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
        // Before the library ends it for the same reason, in words of its own.
        if (subprotocols.length > 0 && message.headers['sec-websocket-protocol'] === undefined) {
          reject(new SubprotocolRefused(`the hub speaks none of ${subprotocols.join(', ')}`));
        }
      });
      websocket.once('open', () => {
        // A hub may speak first, and nobody listens yet.
        websocket.pause();
        if (response) resolve({ websocket, response, hasZeroMask: mask.generateMask !== undefined });
      });
      websocket.once('unexpected-response', (_request, { statusCode: status = 0, headers }) => {
        const answer = { status, headers };
        const isProxys = proxy !== undefined && connectStatus !== 200;
        reject(isProxys ? proxyError(answer, new URL(proxy), clock.wallMs()) : handshakeError(answer, clock.wallMs()));
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

/** Connects as the library would, but so that packets can be read in place. */
function connectHub(isSecure: boolean): typeof connectPlain {
  return (({ path: _path, ...options }: ConnectionOptions & TcpNetConnectOpts) => {
    const { host = '' } = options;
    const connect = (onread: OnReadOpts): Socket =>
      isSecure
        ? connectTls({ ...options, servername: isIP(host) ? '' : host, onread } as ConnectionOptions)
        : connectPlain({ ...options, onread });
    return connectInPlace(connect);
  }) as typeof connectPlain;
}
