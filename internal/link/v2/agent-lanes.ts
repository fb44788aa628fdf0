import { AditError } from '#internal/core/errors';
import { limits } from '#messages/limits';
import { batchHeaderBytes, V2Error } from '#messages/v2';
import type { Mux } from './mux.ts';
import type { Packet } from './packet.ts';
import { acknowledgedOf, decodeGone, encodeGone, isOfNode, nodeOf } from './payloads.ts';

export interface AgentLanesDeps {
  make(node: string, start: number): Mux;
  /** Sends a packet to the hub of a lane. */
  send(packet: Packet): void;
}

/** The agent's end of the lanes of one session: one for each hub whose visitors reach it, by the hub's name. */
export class AgentLanes {
  readonly #deps: AgentLanesDeps;
  readonly #muxes = new Map<string, Mux>();
  /** Lanes that were given up since nobody knew of them, by their hubs: from where, and up to where they were heard. */
  readonly #left = new Map<string, { start: number; sentPosition: number }>();
  /** Whose packet came last: mostly there is one hub, or one has more to say than others. */
  #last: { name: Buffer; mux: Mux } | undefined;

  constructor(deps: AgentLanesDeps) {
    this.#deps = deps;
  }

  get nodes(): Iterable<string> {
    return this.#muxes.keys();
  }

  get streamCount(): number {
    let count = 0;
    for (const mux of this.#muxes.values()) count += mux.streamCount;
    return count;
  }

  /** Whether no stream is left but those that were upgraded. */
  get isIdle(): boolean {
    for (const mux of this.#muxes.values()) if (!mux.isIdle) return false;
    return true;
  }

  /** Takes a packet of a lane. Throws V2Error. */
  receive(packet: Buffer): void {
    if (packet.length < batchHeaderBytes) throw new V2Error('a batch is shorter than its header');
    const acknowledged = acknowledgedOf(packet);
    const last = this.#last;
    if (last && isOfNode(packet, last.name) && acknowledged <= last.mux.sentPosition) {
      last.mux.receive(packet);
      return;
    }
    const node = nodeOf(packet);
    const known = this.#muxes.get(node);
    const left = known ? undefined : this.#left.get(node);
    if (left && acknowledged >= left.start && acknowledged <= left.sentPosition) {
      // Its hub was only cut off, and goes on where that lane has ended.
      this.#deps.send(encodeGone(node, left.start));
      return;
    }
    // What was never sent is acknowledged by a lane that has just begun there, and of which we have not heard.
    const mux = known && acknowledged <= known.sentPosition ? known : this.#begin(node, acknowledged);
    this.#last = { name: Buffer.from(node, 'hex'), mux };
    mux.receive(packet);
  }

  /** A hub knows nothing of its lane, or begins another one. Throws V2Error. */
  gone(packet: Buffer): void {
    const { node, start } = decodeGone(packet);
    if (start === 0) this.nodeGone(node);
    // It may be said twice, in case that it was lost.
    else if (this.#muxes.get(node)?.start !== start) this.#begin(node, start);
  }

  /** Nobody waits for what the visitors of this hub asked. False: there is no lane of it. */
  nodeGone(node: string): boolean {
    const mux = this.#muxes.get(node);
    if (!mux) return false;
    this.#giveUp(node, mux);
    const { start, sentPosition } = mux;
    this.#left.set(node, { start, sentPosition });
    if (this.#left.size > limits.nodesPerSession) this.#left.delete(this.#left.keys().next().value as string);
    return true;
  }

  resume(epoch: number): void {
    for (const mux of this.#muxes.values()) mux.resume(epoch);
  }

  wake(): void {
    for (const mux of this.#muxes.values()) mux.wake();
  }

  close(reason: AditError): void {
    for (const mux of this.#muxes.values()) mux.close(reason);
    this.#muxes.clear();
    this.#last = undefined;
  }

  #begin(node: string, start: number): Mux {
    const known = this.#muxes.get(node);
    if (known) this.#giveUp(node, known);
    this.#left.delete(node);
    if (this.#muxes.size >= limits.nodesPerSession) {
      throw new V2Error(`more than ${limits.nodesPerSession} hubs send streams`);
    }
    const mux = this.#deps.make(node, start);
    this.#muxes.set(node, mux);
    return mux;
  }

  #giveUp(node: string, mux: Mux): void {
    mux.close(new AditError('ADIT_VISITOR_GONE', 'the hub of this visitor has ended'));
    this.#last = undefined;
    this.#muxes.delete(node);
  }
}
