import { setImmediate as turn } from 'node:timers/promises';
import type { AditError } from '#internal/core/errors';
import type { Fields } from '#internal/http1/fields';
import type { RequestHead, ResponseHead } from '#internal/http1/head';
import type { AcceptedStream, ResponseHandler, Stream } from '#internal/link/stream';
import type { V2AgentSession } from '#internal/link/v2/agent-session';
import type { NodeMessageKind } from '#messages/node';
import { FakeClock } from './fake-clock.ts';
import type { Meddle, PacketLinkPair } from './packet-link-pair.ts';
import { clientIdOf, TestCluster, type TestHub } from './v2-hub.ts';
import { connectAgent, openerAt } from './v2-pair.ts';

export const graceMs = 30_000;

/** One end of a stream: remembers what came, and consumes nothing by itself. */
export class End implements ResponseHandler {
  stream!: Stream;
  heads: number[] = [];
  text = '';
  byteCount = 0;
  hasEnded = false;
  wasStopped = false;
  drainedCount = 0;
  /** Why it was reset. */
  reason: AditError | undefined;

  head({ status }: ResponseHead): void {
    this.heads.push(status);
  }

  data(chunk: Buffer): void {
    this.byteCount += chunk.length;
    if (this.byteCount < 10_000) this.text += chunk.toString('latin1');
  }

  ended(_trailers: Fields): void {
    this.hasEnded = true;
  }

  drained(): void {
    this.drainedCount += 1;
  }

  stopped(): void {
    this.wasStopped = true;
  }

  reset(reason: AditError): void {
    this.reason = reason;
  }
}

/** The agent's end of a stream. */
export interface Served extends End {
  stream: AcceptedStream;
  target: string;
}

/** Hubs and one agent that wanders between them, in a time of their own. */
export class Roaming {
  readonly clock: FakeClock;
  readonly cluster: TestCluster;
  /** The name of the agent's key. */
  readonly key: string;
  /** What the agent was asked, in order. */
  readonly served: Served[] = [];
  session: V2AgentSession | undefined;
  /** The connection of the moment. */
  current: Awaited<ReturnType<typeof connectAgent>> | undefined;

  /** With another one given, an agent in the same world. */
  constructor(grace = graceMs, other?: Roaming) {
    this.clock = other?.clock ?? new FakeClock();
    this.cluster = other?.cluster ?? new TestCluster(this.clock, grace);
    this.key = other ? 'another key' : 'a key';
  }

  readonly accept = ({ target }: RequestHead, stream: AcceptedStream): End => {
    const end = Object.assign(new End(), { stream, target });
    this.served.push(end);
    return end;
  };

  /** Registers, or goes on with the session there was. */
  async connect(hub: TestHub, meddle?: Meddle, onLink?: (link: PacketLinkPair) => void) {
    const { clock } = this;
    const resumed = this.session && !this.session.isEnded ? this.session : undefined;
    const current = await connectAgent(hub, this.accept, {
      clock,
      kid: this.key,
      ...(meddle && { meddle }),
      ...(onLink && { onLink }),
      ...(resumed && { resumed }),
    });
    this.current = current;
    this.session = current.session;
    await this.settle();
    return current;
  }

  cut(): void {
    this.current?.link.cut();
  }

  /** A visitor of this hub asks. */
  ask(hub: TestHub, target = '/', method = 'GET'): End {
    const end = new End();
    const fields = method === 'POST' ? ['Transfer-Encoding', 'chunked'] : [];
    end.stream = openerAt(hub, clientIdOf(this.key)).open({ method, target, fields }, end);
    if (method === 'GET') end.stream.end();
    return end;
  }

  /** What the agent was asked under this target. */
  at(target: string): Served {
    const served = this.served.find((end) => end.target === target);
    if (!served) throw new Error(`the agent has not heard of ${target}`);
    return served;
  }

  get targets(): string[] {
    return this.served.map(({ target }) => target);
  }

  /** Lets everything arrive that is on its way. */
  async settle(): Promise<void> {
    for (let i = 0; i < 30; i += 1) await turn();
  }

  /** Lets time pass in small steps, and what it causes arrive. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 250) {
      this.clock.advance(Math.min(left, 250));
      for (let i = 0; i < 12; i += 1) await turn();
    }
  }
}

/** Three hubs of its cluster. */
export async function hubs(roaming: Roaming): Promise<[TestHub, TestHub, TestHub]> {
  const { cluster } = roaming;
  return [await cluster.hub(), await cluster.hub(), await cluster.hub()];
}

/** Hubs do not hear such words of each other. */
export function lose(roaming: Roaming, ...kinds: NodeMessageKind[]): void {
  roaming.cluster.carry = ({ kind }, deliver) => void (kinds.includes(kind) || deliver());
}
