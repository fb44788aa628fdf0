import type { Bus, NodeId } from '#internal/bus/bus';
import type { Clock } from '#internal/core/clock';
import { AditError } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import type { RequestHead } from '#internal/http1/head';
import type { AcceptedStream, ResponseHandler, Stream, StreamHandler, StreamOpener } from '#internal/link/stream';
import type { V1HubSession } from '#internal/link/v1/hub-session';
import { AgentLanes } from '#internal/link/v2/agent-lanes';
import { Mux } from '#internal/link/v2/mux';
import { nodeOf } from '#internal/link/v2/payloads';
import { WindowBudget } from '#internal/link/v2/receive-window';
import { limits } from '#messages/limits';
import { encodeNodeMessage } from '#messages/node';
import { packetKinds, V2Error } from '#messages/v2';

export interface V1LanesDeps {
  clock: Clock;
  log: Log;
  bus: Bus;
  windows: WindowBudget;
}

/**
 * The agent's end of lanes for a session of wire v1, which knows none: the hub that holds it opens the streams of other
 * hubs' visitors as if they were its own.
 */
export class V1Lanes {
  readonly #session: V1HubSession;
  readonly #deps: V1LanesDeps;
  readonly #lanes = new AgentLanes({
    make: (node, start) => this.#makeMux(node, start),
    send: (packet) => this.#publish(nodeOf(packet), packet),
  });

  constructor(session: V1HubSession, deps: V1LanesDeps) {
    this.#session = session;
    this.#deps = deps;
  }

  get nodes(): Iterable<NodeId> {
    return this.#lanes.nodes;
  }

  /** Whether nothing is under way but websockets. */
  get isIdle(): boolean {
    return this.#lanes.isIdle;
  }

  /** Takes a packet for the agent from a visitor's hub. Throws V2Error. */
  receive(packet: Buffer): void {
    const [kind] = packet;
    if (kind === packetKinds.gone) this.#lanes.gone(packet);
    else if (kind === packetKinds.batch || kind === packetKinds.resend) this.#lanes.receive(packet);
    else throw new V2Error('only packets of lanes come from other hubs');
  }

  /** False: there is no lane of that hub. */
  nodeGone(node: NodeId): boolean {
    return this.#lanes.nodeGone(node);
  }

  wake(): void {
    this.#lanes.wake();
  }

  close(): void {
    this.#lanes.close(
      new AditError('ADIT_LINK_LOST', 'the connection to the agent was lost: try again in a moment', {
        retryAfterSeconds: 1,
      }),
    );
  }

  #publish(node: NodeId, packet: Buffer): void {
    this.#deps.bus.publish(node, encodeNodeMessage('toEdge', this.#session.id), packet);
  }

  #makeMux(node: NodeId, start: number): Mux {
    const { bus, windows, clock, log } = this.#deps;
    return new Mux(
      { node, epoch: 1, start, side: 'agent', maxStreams: 0 },
      {
        clock,
        log,
        link: {
          send: (packet) => this.#publish(node, packet),
          get isWritable() {
            return bus.isWritable;
          },
        },
        budget: new WindowBudget(limits.sessionWindows, windows),
        // All names of such a session lead to the same agent, which tells them apart by the head.
        accept: (_tunnel, head, stream) => bridge(this.#session, head, stream),
        onIdle: () => undefined,
        onStrayFrame: () => undefined,
      },
    );
  }
}

/** Joins a stream that was opened towards us with one that we open. */
function bridge(opener: StreamOpener, head: RequestHead, accepted: AcceptedStream): StreamHandler {
  const answering = new Forwarding(accepted);
  const asking = new Forwarding();
  const handler: ResponseHandler = {
    head: (response) => accepted.head(response),
    data: (chunk) => answering.data(chunk),
    ended: (trailers) => accepted.end(trailers),
    drained: () => asking.drained(),
    stopped: () => accepted.stop(),
    reset: (reason) => accepted.reset(reason),
  };
  const opened = opener.open(head, handler);
  asking.join(opened, accepted);
  answering.join(accepted, opened);
  return {
    data: (chunk) => asking.data(chunk),
    ended: (trailers) => opened.end(trailers),
    drained: () => answering.drained(),
    stopped: () => opened.stop(),
    reset: (reason) => opened.reset(reason),
  };
}

/** One direction of two joined streams: what one gives is consumed once the other has taken it. */
class Forwarding {
  #to: Stream | undefined;
  #from: Stream | undefined;
  #heldBytes = 0;

  constructor(to?: Stream) {
    this.#to = to;
  }

  join(to: Stream, from: Stream): void {
    this.#to = to;
    this.#from = from;
  }

  data(chunk: Buffer): void {
    this.#heldBytes += chunk.length;
    if (this.#to?.write(chunk)) this.drained();
  }

  drained(): void {
    const byteCount = this.#heldBytes;
    this.#heldBytes = 0;
    if (byteCount > 0) this.#from?.consumed(byteCount);
  }
}
