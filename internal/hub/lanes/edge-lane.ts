import type { NodeId } from '#internal/bus/bus';
import type { Clock, Stop } from '#internal/core/clock';
import { AditError } from '#internal/core/errors';
import type { StreamOpener } from '#internal/link/stream';
import { Mux, type MuxDeps } from '#internal/link/v2/mux';
import type { PacketLink } from '#internal/link/v2/packet-link';
import { SwitchedLink } from '#internal/link/v2/switched-link';
import type { SessionRecord } from '../directory/directory.ts';

/** How long a new request waits for a session that has lost its connection. */
export const parkedWaitMs = 10_000;

export interface EdgeLaneOptions {
  /** This hub. */
  node: NodeId;
  /** How long the head of a response may take. */
  timeoutMs: number;
  /** The position at which both directions begin. */
  start: number;
}

export interface EdgeLaneDeps extends Pick<MuxDeps, 'log' | 'budget' | 'onStrayFrame' | 'onRepair'> {
  clock: Clock;
  /** The last stream has ended. */
  onIdle(): void;
}

/** How long what is new waits while there is no connection, and what is said to it then. */
interface Pause {
  since: number;
  waitMs: number;
  reason: AditError;
}

/**
 * The streams of this hub's visitors to one session, wherever that is held: they outlive the connection below, and its
 * change to another hub.
 */
export class EdgeLane {
  readonly session: string;
  readonly isTransparent: boolean;
  /** The names that the session had when the lane was made. */
  readonly clientIds: readonly string[];
  /** The hub that holds the session, as far as is known here. */
  node: NodeId;
  epoch: number;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #link = new SwitchedLink();
  readonly #mux: Mux;
  /** By the index of the tunnel. */
  readonly #openers: StreamOpener[] = [];
  #pause: Pause | undefined;
  /** Stop what would tell those who wait. */
  readonly #waits = new Set<Stop>();

  constructor(record: SessionRecord, options: EdgeLaneOptions, deps: EdgeLaneDeps) {
    const { session, node, epoch, wire, maxStreams, clientIds } = record;
    this.session = session;
    this.node = node;
    this.epoch = epoch;
    this.isTransparent = wire === 'v2';
    this.clientIds = clientIds;
    this.#timeoutMs = options.timeoutMs;
    this.#clock = deps.clock;
    this.#mux = new Mux(
      { node: options.node, epoch, start: options.start, side: 'hub', maxStreams },
      {
        ...deps,
        link: this.#link,
        accept: () => {
          throw new AditError('ADIT_BAD_REQUEST', 'this hub opens streams, and takes none');
        },
      },
    );
  }

  /** The position at which both directions begin. */
  get start(): number {
    return this.#mux.start;
  }

  get streamCount(): number {
    return this.#mux.streamCount;
  }

  get isIdle(): boolean {
    return this.#mux.isQuiet;
  }

  /** Bytes held for the session. */
  get heldBytes(): number {
    return this.#mux.heldBytes;
  }

  /** Since when there is no connection; undefined when there is one. */
  get parkedSince(): number | undefined {
    return this.#pause?.since;
  }

  /** Where streams to the session's tunnel of this index are opened. */
  opener(tunnel: number): StreamOpener {
    this.#openers[tunnel] ??= {
      session: this.session,
      isTransparent: this.isTransparent,
      open: (head, handler) => {
        const stream = this.#mux.open(tunnel, head, this.#timeoutMs, handler);
        if (this.#pause) this.#watchWaiting(this.#pause);
        return stream;
      },
    };
    return this.#openers[tunnel];
  }

  /** Goes on over this connection. The first one of a lane is no change. */
  attach(link: Pick<PacketLink, 'send' | 'isWritable'>, node: NodeId, epoch: number): void {
    const isFirst = this.#link.link === undefined && this.#pause === undefined;
    this.#link.link = link;
    this.#pause = undefined;
    this.#stopWaits();
    this.node = node;
    if (isFirst && epoch === this.epoch) {
      this.#mux.begin();
      return;
    }
    this.epoch = epoch;
    this.#mux.resume(epoch);
  }

  /** Holds everything until there is a connection again. What is new waits for `waitMs` at most, and is then told `reason`. */
  park(waitMs: number, reason: AditError): void {
    this.#link.link = undefined;
    const since = this.parkedSince ?? this.#clock.now();
    this.#pause = { since, waitMs, reason };
    this.#watchWaiting(this.#pause);
  }

  /** Ends streams of which the other end may not have heard. */
  failUnheard(reason: AditError): void {
    this.#mux.failUnheard(reason);
  }

  /** Throws V2Error. */
  receive(packet: Buffer): void {
    this.#mux.receive(packet);
  }

  /** Finds out at once whether something was lost on the way. */
  check(): void {
    this.#mux.check();
  }

  wake(): void {
    this.#mux.wake();
  }

  end(reason: AditError): void {
    this.#link.link = undefined;
    this.#stopWaits();
    this.#mux.close(reason);
  }

  /** For what waits since now at the latest. */
  #watchWaiting({ waitMs, reason }: Pause): void {
    const now = this.#clock.now();
    const stop = this.#clock.after(waitMs, () => {
      this.#waits.delete(stop);
      this.#mux.failUnsent(now, reason);
    });
    this.#waits.add(stop);
  }

  #stopWaits(): void {
    for (const stop of this.#waits) stop();
    this.#waits.clear();
  }
}
