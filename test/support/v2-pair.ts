import { type Clock, systemClock } from '#internal/core/clock';
import { silentLog } from '#internal/core/log';
import type { AcceptStream, StreamOpener } from '#internal/link/stream';
import { V2AgentSession } from '#internal/link/v2/agent-session';
import { V2HubSession } from '#internal/link/v2/hub-session';
import { WindowBudget } from '#internal/link/v2/receive-window';
import { limits } from '#messages/limits';
import { type Meddle, type PacketLinkPair, packetLinkPair } from './packet-link-pair.ts';

export const pairClientId = 'a'.repeat(52);
export const pairNode = '00112233445566ff';

export interface V2Pair {
  hub: V2HubSession;
  agent: V2AgentSession;
  opener: StreamOpener;
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
  const link = packetLinkPair(meddle);
  const closed = { hub: 0, agent: 0 };
  let strayCount = 0;
  const deps = { clock, log: silentLog, windows: new WindowBudget(limits.processWindows) };
  const hub = new V2HubSession(
    { node: pairNode, timeoutMs: 30_000 },
    {
      ...deps,
      register: () => [{ clientId: pairClientId, hostname: undefined }],
      onClosed: () => {
        closed.hub += 1;
      },
      onStrayAnswer: () => {
        strayCount += 1;
      },
    },
    link.left,
  );
  const agent = new V2AgentSession(
    {
      ...deps,
      accept,
      onRegistered: () => undefined,
      onClosed: (code) => {
        closed.agent = code;
      },
    },
    link.right,
  );
  await agent.register(() => ({
    key: {},
    algorithm: 'ES256',
    signature: '',
    claim: { origin: 'http://localhost', nonce: '', session: '', epoch: 0, tunnels: [{ session: '' }] },
  }));
  const opener = hub.opener(pairClientId);
  if (!opener) throw new Error('the session serves nothing');
  return { hub, agent, opener, link, closed, strays: () => strayCount };
}
