import { randomBytes } from 'node:crypto';
import type { Bus } from '#internal/bus/bus';
import { MemoryNetwork } from '#internal/bus/memory';
import type { Clock } from '#internal/core/clock';
import { silentLog } from '#internal/core/log';
import { agentLinkDeps } from '#internal/hub/agents';
import { MemoryDirectory } from '#internal/hub/directory/memory';
import type { Prober } from '#internal/hub/prober';
import type { Registrar } from '#internal/hub/registration/registrar';
import { AgentSessions } from '#internal/hub/sessions/agent-sessions';
import type { Connect } from '#internal/link/v1/document-link';
import { V1HubSession } from '#internal/link/v1/hub-session';
import { V2HubLink, type V2Registration } from '#internal/link/v2/hub-link';
import type { ConnectPackets } from '#internal/link/v2/packet-link';
import { WindowBudget } from '#internal/link/v2/receive-window';
import type { Ending } from '#internal/link/v2/session-link';
import { limits } from '#messages/limits';
import { decodeNodeMessage, type NodeMessage } from '#messages/node';

export const pairClientId = 'a'.repeat(52);
export const pairNode = '00112233445566ff';

const firstKey = 'a key';
const tunnelOf = (clientId: string) => ({ clientId, hostname: undefined });

/** Whoever registers is given {@link pairClientId}, but with another key another one. */
export function clientIdOf(key: string): string {
  return key === firstKey ? pairClientId : 'b'.repeat(52);
}

/** Sessions of a key are named by their client ids. */
function clientIdsOf({ key: { kid = firstKey }, claim }: V2Registration): string[] {
  return claim.tunnels.map(({ session }) => session || clientIdOf(kid));
}

/** Takes everybody, and the name of a key for the proof that one has it. */
const registrar: Pick<Registrar, 'admit' | 'admitV2' | 'admitResume'> = {
  admit: async () => ({ keyId: firstKey, tunnel: tunnelOf(pairClientId) }),
  admitV2: async (asked) => ({ keyId: asked.key.kid ?? firstKey, tunnels: clientIdsOf(asked).map(tunnelOf) }),
  admitResume: async (asked) => ({ keyId: asked.key.kid ?? firstKey, tunnels: clientIdsOf(asked).map(tunnelOf) }),
};

/** Hubs of one process that reach each other. */
export class TestCluster {
  readonly directory = new MemoryDirectory();
  readonly network = new MemoryNetwork((thrown) => {
    throw thrown;
  });
  readonly clock: Clock;
  /** How long sessions outlive their connections. */
  readonly graceMs: number;
  /** What becomes of a message between hubs: it may be delivered at once, later, twice or never. */
  carry: (message: NodeMessage, deliver: () => void) => void = (_message, deliver) => deliver();

  constructor(clock: Clock, graceMs = 0) {
    this.clock = clock;
    this.graceMs = graceMs;
  }

  async hub(
    node = randomBytes(8).toString('hex'),
    windows = new WindowBudget(limits.processWindows),
  ): Promise<TestHub> {
    const hub = new TestHub(node, this, windows);
    await hub.start();
    return hub;
  }

  /** A hub's bus, as unreliable as {@link carry} is. */
  bus(node: string): Bus {
    const bus = this.network.bus(node);
    return {
      ...bus,
      publish: (to, ...pieces) => {
        const message = Buffer.concat(pieces);
        this.carry(decodeNodeMessage(message), () => bus.publish(to, message));
      },
    };
  }
}

/** What a hub knows of agents, without its edge. */
export class TestHub {
  readonly node: string;
  readonly sessions: AgentSessions;
  readonly #cluster: TestCluster;
  readonly #bus;
  readonly #linkDeps;
  /** What was counted of registrations and resumptions. */
  readonly registrations: ('accepted' | 'refused')[] = [];
  strayCount = 0;
  closedCount = 0;

  constructor(node: string, cluster: TestCluster, windows: WindowBudget) {
    this.node = node;
    this.#cluster = cluster;
    this.#bus = cluster.bus(node);
    const { clock, directory, graceMs } = cluster;
    const log = silentLog;
    const metrics = {
      registration: (outcome: 'accepted' | 'refused') => void this.registrations.push(outcome),
      laneRepaired: () => undefined,
      sessionParked: () => undefined,
      sessionResumed: () => undefined,
      strayAnswer: () => {
        this.strayCount += 1;
      },
    };
    this.sessions = new AgentSessions(
      { node, timeoutMs: 30_000, graceMs },
      { clock, log, bus: this.#bus, directory, metrics, windows },
    );
    const prober: Pick<Prober, 'probe'> = { probe: async () => ({ outcome: 'unknown', detail: '' }) };
    this.#linkDeps = agentLinkDeps({ clock, log, sessions: this.sessions, registrar, prober });
  }

  async start(): Promise<void> {
    await this.#bus.start({
      message: (from, bytes) => {
        this.sessions.message(from, decodeNodeMessage(bytes));
        // As a bus does that reads into the same buffer again.
        bytes.fill(0xff);
      },
      gone: (node) => this.sessions.nodeGone(node),
      heard: (node) => this.sessions.lanes.nodeHeard(node),
      writable: () => this.sessions.writable(),
    });
  }

  /** The hub ends without a word to its agents. */
  async end(): Promise<void> {
    await this.#bus.close();
  }

  /** Takes an agent's connection. */
  accept(connect: ConnectPackets): V2HubLink {
    const { v2 } = this.#linkDeps;
    const onClosed = (link: V2HubLink, ending: Ending): void => {
      this.closedCount += 1;
      v2.onClosed(link, ending);
    };
    const link = new V2HubLink({ graceMs: this.#cluster.graceMs }, { ...v2, onClosed }, connect);
    this.sessions.v2.add(link);
    return link;
  }

  /** Takes an agent's connection of wire v1. */
  acceptV1(connect: Connect): void {
    const session = new V1HubSession({ isAditAgent: true, timeoutMs: 30_000 }, this.#linkDeps.v1, connect);
    this.sessions.v1.add(session);
  }
}
