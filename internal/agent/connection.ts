import { within } from '#internal/core/clock';
import { AditError } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import type { AcceptStream } from '#internal/link/stream';
import { V1AgentSession } from '#internal/link/v1/agent-session';
import { type AgentWord, V2AgentLink } from '#internal/link/v2/agent-link';
import type { V2AgentSession } from '#internal/link/v2/agent-session';
import type { WindowBudget } from '#internal/link/v2/receive-window';
import { packetLink, textLink } from '#internal/link/websocket-link';
import { limits } from '#messages/limits';
import { v2Subprotocol } from '#messages/v2';
import { type DialDeps, type Dialled, dial, type HubAddress, SubprotocolRefused } from './dial.ts';
import type { AgentKey } from './key.ts';
import { prover } from './registration-proof.ts';
import { registrationToken } from './registration-token.ts';

/** Which wire to speak: with `auto` v2, or v1 with a hub that does not know it. */
export type WireChoice = 'auto' | 'v1' | 'v2';

export interface ConnectOptions {
  hub: HubAddress;
  key: AgentKey;
  session: string;
  wire: WireChoice;
}

export interface ConnectDeps extends DialDeps {
  log: Log;
  /** What may be granted to the streams of this process. */
  windows: WindowBudget;
  accept: AcceptStream;
  /** The tunnel has a hostname now, or none where the hub has no domain. */
  onRegistered(hostname: string | undefined): void;
  /** The hub is about to end: another one is to be found. */
  onDrain(): void;
  /** What to go on with, if the hub still knows it. */
  resumed: V2AgentSession | undefined;
  onProbed: V2AgentLink['onProbed'];
  onRoundTrip(ms: number): void;
}

/** A registered connection to a hub. */
export interface Connection {
  /** Undefined when the hub has no domain. */
  hostname: string | undefined;
  /** How it ended: a websocket close code and the hub's reason. Never rejects. */
  closed: Promise<{ code: number; reason: string }>;
  /** What outlives the connection; undefined with wire v1. */
  session: V2AgentSession | undefined;
  /** Tells the hub something of this agent; wire v1 has no words for it. */
  tell(word: AgentWord): void;
  /** There is reason to doubt the connection: it must show life soon. */
  urge(): void;
  /** Takes no new requests. Resolves when those under way have ended, upgraded ones excepted. */
  drain(reason: string): Promise<void>;
  disconnect(): void;
  destroy(): void;
}

/** What both wires' sessions are for us. */
interface Session extends Pick<Connection, 'tell' | 'urge' | 'drain' | 'disconnect' | 'destroy'> {
  /** Throws ADIT_REFUSED, ADIT_REPLACED, ADIT_HUB_BUSY or ADIT_LINK_LOST. */
  register(): Promise<Pick<Connection, 'hostname' | 'session'>>;
}

/**
 * Dials the hub and registers. Throws ADIT_REFUSED or ADIT_REPLACED when another attempt would end the same way, and any
 * other error when it may not.
 */
export async function connect(options: ConnectOptions, deps: ConnectDeps, signal: AbortSignal): Promise<Connection> {
  const dialled = await dialWire(options, deps, signal);
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
    return { ...session, ...(await session.register()), closed };
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

/** How long the hub may take to answer a goodbye. */
const goodbyeMs = 2_000;

type SessionDeps = ConnectDeps & { onClosed(code: number, reason: string): void };

function v2Session(
  { websocket, response, hasZeroMask }: Dialled,
  { hub, key, session }: ConnectOptions,
  deps: SessionDeps,
): Session {
  const agent = new V2AgentLink(deps, (handler) =>
    packetLink(websocket, response.socket, { isMasked: false, hasZeroMask }, handler),
  );
  agent.onProbed = deps.onProbed;
  agent.onRoundTrip = deps.onRoundTrip;
  let registered: V2AgentSession | undefined;
  return {
    register: async () => {
      registered = await agent.register(prover(key, { origin: hub.url.origin, session }), deps.resumed);
      return { hostname: registered.hostname, session: registered };
    },
    tell: (word) => agent.tell(word),
    urge: () => agent.urge(),
    drain: async (reason) => {
      const taken = new Promise<void>((resolve) => {
        agent.onGoodbye = resolve;
      });
      agent.tell({ kind: 'goodbye', reason });
      // What was opened before the hub knew has come by then. A hub that does not know the word does not answer.
      await within(deps.clock, goodbyeMs, taken);
      await registered?.idle();
    },
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
      return { hostname: await agent.register(token, session), session: undefined };
    },
    tell: () => undefined,
    urge: () => agent.urge(),
    drain: async () => await agent.drain(),
    disconnect: () => agent.disconnect(),
    destroy: () => agent.destroy(),
  };
}

/** Dials with the wire that was asked for. A hub of the original passes the offer over, and is dialled again without. */
async function dialWire({ hub, wire }: ConnectOptions, deps: DialDeps, signal: AbortSignal): Promise<Dialled> {
  if (wire === 'v1') return await dial(hub, [], deps, signal);
  try {
    const dialled = await dial(hub, [v2Subprotocol], deps, signal);
    if (wire === 'auto' || speaksV2(dialled)) return dialled;
    dialled.websocket.terminate();
  } catch (error) {
    if (!(error instanceof SubprotocolRefused)) throw error;
    if (wire === 'auto') return await dial(hub, [], deps, signal);
  }
  throw new AditError('ADIT_REFUSED', `the hub ${hub.url.origin} does not speak wire v2: use --wire auto`);
}

/** How long an original hub waits for an answer. */
const originalTimeoutSeconds = 30;
/** How much longer than the hub an agent waits for its origin: documents travel too. */
const graceSeconds = 5;
