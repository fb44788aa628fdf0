import type { Clock } from '#internal/core/clock';
import type { Log } from '#internal/core/log';
import type { TurnQueue } from '#internal/core/turn-queue';
import type { V1HubSessionDeps } from '#internal/link/v1/hub-session';
import type { V2HubLinkDeps } from '#internal/link/v2/hub-link';
import type { BaseUrls } from './base-urls.ts';
import type { Directory } from './directory/directory.ts';
import type { Prober } from './prober.ts';
import { Registrar } from './registration/registrar.ts';
import { TakeoverGuard } from './registration/takeover-guard.ts';
import type { AgentSessions } from './sessions/agent-sessions.ts';
import { Subscribe, type SubscribeOptions } from './subscribe.ts';
import type { Tokens } from './tokens/tokens.ts';

export interface AgentLinkDeps {
  clock: Clock;
  log: Log;
  sessions: AgentSessions;
  registrar: Pick<Registrar, 'admit' | 'admitV2' | 'admitResume'>;
  prober: Pick<Prober, 'probe'>;
}

export interface AcceptAgentsDeps extends Omit<AgentLinkDeps, 'registrar'> {
  bases: BaseUrls;
  directory: Directory;
  tokens: Tokens;
  turns: TurnQueue;
  /** Whether a key may register here. */
  isAllowed(keyId: string): boolean;
}

/** Agents may come from now on: their websockets, who of them may register, and the sessions that they have then. */
export function acceptAgents(options: SubscribeOptions & { domain: string }, deps: AcceptAgentsDeps): Subscribe {
  const { clock, turns, sessions } = deps;
  const registrar = new Registrar(options, { ...deps, guard: new TakeoverGuard(clock) });
  return new Subscribe(options, {
    turns,
    ...agentLinkDeps({ ...deps, registrar }),
    onOpenedV1: (session) => sessions.v1.add(session),
    onOpenedV2: (link) => sessions.v2.add(link),
  });
}

/** Whom the websocket of an agent turns to, on either wire. */
export function agentLinkDeps({ sessions, registrar, prober, ...common }: AgentLinkDeps): {
  v1: V1HubSessionDeps;
  v2: V2HubLinkDeps;
} {
  const { v1, v2, lanes } = sessions;
  return {
    v1: {
      ...common,
      register: (request, session) => sessions.registerV1(registrar, request, session),
      onClosed: (session) => v1.forget(session),
      onStrayAnswer: () => sessions.strayAnswer(),
    },
    v2: {
      ...common,
      register: (registration, link) => sessions.registerV2(registrar, registration, link),
      resume: (registration, link) => sessions.resume(registrar, registration, link),
      onServing: (link) => v2.serving(link),
      onBatch: (link, packet) => v2.relay.batch(link, packet),
      onLaneGone: (link, packet) => v2.relay.laneGone(link, packet),
      onWritable: (link) => lanes.wake(link.id),
      probe: (link, nonce) => v2.health.probe(prober, link, nonce),
      onStatus: (link) => v2.health.status(link),
      onGoodbye: (link) => v2.goodbye(link),
      onClosed: (link, ending) => v2.closed(link, ending),
    },
  };
}
