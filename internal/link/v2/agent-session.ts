import type { Clock, Stop } from '#internal/core/clock';
import { AditError } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import type { AcceptStream } from '#internal/link/stream';
import { limits } from '#messages/limits';
import { AgentLanes } from './agent-lanes.ts';
import { Mux } from './mux.ts';
import type { PacketLink } from './packet-link.ts';
import { WindowBudget } from './receive-window.ts';
import { SwitchedLink } from './switched-link.ts';

export interface V2AgentSessionDeps {
  clock: Clock;
  log: Log;
  /** What may be granted to the streams of this process. */
  windows: WindowBudget;
  accept: AcceptStream;
}

/** What the hub granted. */
export interface V2Grant {
  session: string;
  epoch: number;
  maxStreams: number;
  /** How long it outlives its connection. */
  graceMs: number;
  tunnelCount: number;
  /** Undefined when the hub has no domain. */
  hostname: string | undefined;
}

/** A session as the agent knows it: the streams of each hub's visitors, which outlive the connection below. */
export class V2AgentSession {
  readonly id: string;
  hostname: string | undefined;
  epoch: number;
  isEnded = false;
  /** Tunnels that are still its own. */
  readonly #tunnels: Set<number>;
  readonly #maxStreams: number;
  readonly #graceMs: number;
  readonly #deps: V2AgentSessionDeps;
  readonly #budget: WindowBudget;
  readonly #link = new SwitchedLink();
  readonly #lanes = new AgentLanes({
    make: (node, start) => this.#makeMux(node, start),
    send: (packet) => this.#link.send(packet),
  });
  #stopTimer: Stop = () => undefined;
  #onIdle: () => void = () => undefined;

  constructor(grant: V2Grant, deps: V2AgentSessionDeps) {
    const { session, epoch, maxStreams, graceMs, tunnelCount, hostname } = grant;
    this.id = session;
    this.epoch = epoch;
    this.hostname = hostname;
    this.#tunnels = new Set(Array(tunnelCount).keys());
    this.#maxStreams = maxStreams;
    this.#graceMs = graceMs;
    this.#deps = deps;
    this.#budget = new WindowBudget(limits.sessionWindows, deps.windows);
  }

  get streamCount(): number {
    return this.#lanes.streamCount;
  }

  /** A newer registration has taken a tunnel. Gives whether none is left. */
  withdraw(tunnel: number): boolean {
    return this.#tunnels.delete(tunnel) && this.#tunnels.size === 0;
  }

  /** Resolves once no stream is left but those that were upgraded, which have no end to wait for. */
  async idle(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      this.#tellIfIdle();
    });
  }

  /** Begins on its first connection. */
  begin(link: PacketLink): void {
    this.#link.link = link;
  }

  /** Goes on over another connection. */
  resume(link: PacketLink, epoch: number): void {
    this.#stopTimer();
    this.#link.link = link;
    this.epoch = epoch;
    this.#lanes.resume(epoch);
  }

  /**
   * This connection has ended: unless there is another one by now, everything waits for one, or ends when the hub has
   * said that there is nothing to wait for.
   */
  lost(link: PacketLink, { isFinal }: { isFinal: boolean }): void {
    if (this.#link.link !== link) return;
    this.#link.link = undefined;
    if (isFinal || this.#graceMs === 0) this.end();
    else this.#stopTimer = this.#deps.clock.after(this.#graceMs, () => this.end());
  }

  /** It is not known where it was to go on. A hub that drains still serves what is under way. */
  endIfParked(): void {
    if (!this.#link.link) this.end();
  }

  /** There is no going on. */
  end(): void {
    this.isEnded = true;
    this.#stopTimer();
    this.#link.link = undefined;
    this.#lanes.close(new AditError('ADIT_VISITOR_GONE', 'the connection to the hub was lost'));
  }

  /** Takes a packet of a lane. Throws V2Error. */
  receive(packet: Buffer): void {
    this.#lanes.receive(packet);
  }

  /** A hub has ended, or knows nothing of its lane. Throws V2Error. */
  gone(packet: Buffer): void {
    this.#lanes.gone(packet);
  }

  writable(): void {
    this.#lanes.wake();
  }

  #tellIfIdle(): void {
    if (this.#lanes.isIdle) this.#onIdle();
  }

  #makeMux(node: string, start: number): Mux {
    const { clock, log, accept } = this.#deps;
    return new Mux(
      { node, epoch: this.epoch, start, side: 'agent', maxStreams: this.#maxStreams },
      {
        clock,
        log,
        link: this.#link,
        budget: this.#budget,
        accept: (_tunnel, head, stream) => accept(head, stream),
        // What the last stream ended with is still to be sent.
        onIdle: () => setImmediate(() => this.#tellIfIdle()),
        onStrayFrame: () => undefined,
      },
    );
  }
}
