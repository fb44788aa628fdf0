import type { Bus, NodeId } from '#internal/bus/bus';
import { giveBack, spareCopy } from '#internal/core/write-copy';
import type { V2HubLink } from '#internal/link/v2/hub-link';
import { sparePacketOf } from '#internal/link/v2/packet';
import { decodeGone, encodeGone, epochOf, isOfNode, nodeOf } from '#internal/link/v2/payloads';
import { limits } from '#messages/limits';
import { encodeNodeMessage } from '#messages/node';
import { V2Error } from '#messages/v2';
import type { Lanes } from '../lanes/lanes.ts';
import type { HeldSession } from './held-session.ts';

export interface V2RelayDeps {
  bus: Bus;
  lanes: Lanes;
}

/** What passes between the agents of sessions that this hub holds and the hubs of their visitors, this one among them. */
export class V2Relay {
  readonly #node: NodeId;
  readonly #ownName: Buffer;
  readonly #held: ReadonlyMap<string, HeldSession>;
  readonly #bus: Bus;
  readonly #lanes: Lanes;

  constructor(node: NodeId, held: ReadonlyMap<string, HeldSession>, { bus, lanes }: V2RelayDeps) {
    this.#node = node;
    this.#ownName = Buffer.from(node, 'hex');
    this.#held = held;
    this.#bus = bus;
    this.#lanes = lanes;
  }

  /** A batch of an agent, for a hub's lane. Throws V2Error. */
  batch(link: V2HubLink, packet: Buffer): void {
    const held = this.#held.get(link.id);
    // What an old connection still brings was sent again over the new one.
    if (held?.link !== link || epochOf(packet) !== held.record.epoch) return;
    if (isOfNode(packet, this.#ownName)) {
      if (!this.#lanes.receive(link.id, packet)) link.sendGone(this.#node);
      return;
    }
    const node = nodeOf(packet);
    if (!held.nodes.has(node)) {
      held.namedCount += 1;
      if (held.namedCount > limits.nodesPerSession) throw new V2Error('it speaks to too many hubs');
      held.nodes.add(node);
    }
    this.#toEdge(held, node, packet);
  }

  /** An agent knows nothing of a hub's lane. Throws V2Error. */
  laneGone(link: V2HubLink, packet: Buffer): void {
    const held = this.#held.get(link.id);
    if (held?.link !== link) return;
    const { node } = decodeGone(packet);
    if (node === this.#node) this.#lanes.gone(link.id, packet);
    else if (held.nodes.has(node)) this.#toEdge(held, node, packet);
  }

  /** Takes a packet for an agent from the hub of a visitor. False: this session is not held here. */
  toAgent(from: NodeId, session: string, packet: Buffer): boolean {
    const held = this.#held.get(session);
    if (!held) return false;
    held.nodes.add(from);
    if (held.link && packet.length > 0) relay(held.link, packet);
    if (!held.link) this.#bus.publish(from, encodeNodeMessage('parked', session));
    return true;
  }

  /** A session that was at `from`, or here, goes on over a new connection. */
  resumed(held: HeldSession, from: NodeId): void {
    held.namedCount = 0;
    const others = new Set([from, ...held.nodes]);
    others.delete(this.#node);
    this.#tell(others, held, 'moved', `${held.record.epoch}`);
  }

  /** Tells the hubs of its visitors what has become of a session. */
  tellNodes(held: HeldSession, kind: 'parked' | 'ended' | 'moved', payload = ''): void {
    this.#tell(held.nodes, held, kind, payload);
  }

  nodeGone(node: NodeId): void {
    for (const [session, { nodes, link }] of this.#held) {
      if (!nodes.delete(node)) continue;
      link?.send(encodeGone(node));
      // Should it live after all, it has to know.
      this.#bus.publish(node, encodeNodeMessage('ended', session));
    }
  }

  #toEdge(held: HeldSession, node: NodeId, packet: Buffer): void {
    // The bus keeps it, and its buffer is used again.
    this.#bus.publish(node, held.toEdgeHead, spareCopy(packet));
  }

  #tell(nodes: Iterable<NodeId>, { record }: HeldSession, kind: 'parked' | 'ended' | 'moved', payload: string): void {
    const message = [encodeNodeMessage(kind, record.session), Buffer.from(payload)];
    for (const node of nodes) this.#bus.publish(node, ...message);
  }
}

/** Sends a packet whose buffer is used again. */
function relay(link: V2HubLink, packet: Buffer): void {
  const copy = sparePacketOf(packet);
  link.send(copy, () => giveBack(copy));
}
