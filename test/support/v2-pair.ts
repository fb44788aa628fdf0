import { type Clock, systemClock } from '#internal/core/clock';
import { silentLog } from '#internal/core/log';
import type { AcceptStream, StreamOpener } from '#internal/link/stream';
import { V2AgentLink } from '#internal/link/v2/agent-link';
import type { V2AgentSession } from '#internal/link/v2/agent-session';
import type { V2HubLink } from '#internal/link/v2/hub-link';
import { WindowBudget } from '#internal/link/v2/receive-window';
import { limits } from '#messages/limits';
import { type Meddle, type PacketLinkPair, packetLinkPair } from './packet-link-pair.ts';
import { pairClientId, pairNode, TestCluster, type TestHub } from './v2-hub.ts';

export { pairClientId, pairNode };

export interface V2Pair {
  hub: V2HubLink;
  agent: V2AgentLink;
  opener: StreamOpener;
  testHub: TestHub;
  link: PacketLinkPair;
  /** How each end's websocket was closed. */
  closed: { hub: number; agent: number };
  /** Frames that came for streams that had ended. */
  strays(): number;
}

/** A registered session of wire v2 inside the process; any signature will do. */
export async function connectV2Pair(
  accept: AcceptStream,
  { meddle, clock = systemClock }: { meddle?: Meddle; clock?: Clock } = {},
): Promise<V2Pair> {
  const testHub = await new TestCluster(clock).hub(pairNode);
  const { hub, agent, link, closed } = await connectAgent(testHub, accept, { clock, ...(meddle && { meddle }) });
  const opener = openerAt(testHub);
  return { hub, agent, opener, testHub, link, closed, strays: () => testHub.strayCount };
}

/** Where a hub opens streams to the one tunnel of these tests. */
export function openerAt({ sessions }: TestHub, clientId = pairClientId): StreamOpener {
  const opener = sessions.opener(clientId);
  if (!opener || opener instanceof Promise) throw new Error('nobody serves the tunnel');
  return opener;
}

interface AgentOptions {
  clock: Clock;
  meddle?: Meddle;
  /** What it goes on with. */
  resumed?: V2AgentSession;
  /** The name of its key. */
  kid?: string;
  /** Which tunnels it asks for. */
  names?: string[];
  /** What its streams may be granted. */
  windows?: WindowBudget;
  /** Takes the connection before anything happens on it. */
  onLink?: (link: PacketLinkPair) => void;
}

/** Connects an agent, which registers or goes on with a session. */
export async function connectAgent(
  testHub: TestHub,
  accept: AcceptStream,
  {
    meddle,
    clock,
    resumed,
    kid = 'a key',
    names = [''],
    onLink,
    windows = new WindowBudget(limits.processWindows),
  }: AgentOptions,
) {
  const link = packetLinkPair(meddle);
  onLink?.(link);
  const closed = {
    agent: 0,
    get hub() {
      return testHub.closedCount;
    },
  };
  const hub = testHub.accept(link.left);
  const agent = new V2AgentLink(
    {
      clock,
      log: silentLog,
      windows,
      accept,
      onRegistered: () => undefined,
      onDrain: () => undefined,
      onClosed: (code) => {
        closed.agent = code;
      },
    },
    link.right,
  );
  const session = await agent.register((_nonce, going) => {
    const { id = '', epoch = 0 } = going ?? {};
    const tunnels = names.map((session) => ({ session }));
    const claim = { origin: 'http://localhost', nonce: '', session: id, epoch, tunnels };
    return { key: { kid }, algorithm: 'ES256', signature: '', claim };
  }, resumed);
  return { hub, agent, link, closed, session };
}
