import type { Bus, NodeId } from '#internal/bus/bus';
import type { Clock, Stop } from '#internal/core/clock';
import type { PacketLink } from '#internal/link/v2/packet-link';
import { encodeGone } from '#internal/link/v2/payloads';
import { encodeNodeMessage } from '#messages/node';

/** How often a hub is asked whether it still holds the sessions that lanes lead to. */
const askMs = 30_000;

/** A session, and the hub that is thought to hold it. */
export interface Holding {
  readonly node: NodeId;
  readonly session: string;
}

export interface HoldersDeps {
  clock: Clock;
  bus: Bus;
}

/** The other hubs, as far as they hold sessions to which this one has lanes. */
export class Holders {
  readonly #own: NodeId;
  readonly #deps: HoldersDeps;
  #stopAsking: Stop | undefined;

  /** `own`: this hub, which is asked nothing. */
  constructor(own: NodeId, deps: HoldersDeps) {
    this.#own = own;
    this.#deps = deps;
  }

  /** The way to a session. */
  link({ node, session }: Holding): Pick<PacketLink, 'send' | 'isWritable'> {
    const { bus } = this.#deps;
    const head = encodeNodeMessage('toAgent', session);
    return {
      send: (packet) => bus.publish(node, head, packet),
      get isWritable() {
        return bus.isWritable;
      },
    };
  }

  /** Asks whether a session is still held: an answer comes where it is not, or waits. */
  ask({ node, session }: Holding): void {
    if (node !== this.#own) this.#deps.bus.publish(node, encodeNodeMessage('toAgent', session));
  }

  /** Asks after all of these now and then, since hubs are not told of everything, until it is stopped. */
  askNowAndThen(holdings: () => Iterable<Holding>): void {
    this.#stopAsking ??= this.#deps.clock.every(askMs, () => {
      for (const holding of holdings()) this.ask(holding);
    });
  }

  stopAsking(): void {
    this.#stopAsking?.();
    this.#stopAsking = undefined;
  }

  /** Tells that nobody here knows of a lane to a session. */
  tellGone({ node, session }: Holding): void {
    this.#deps.bus.publish(node, encodeNodeMessage('toAgent', session), encodeGone(this.#own));
  }

  /** Tells that the agent of a session broke the rules. */
  tellBroken({ node, session }: Holding, reason: string): void {
    this.#deps.bus.publish(node, encodeNodeMessage('broken', session), Buffer.from(reason));
  }
}
