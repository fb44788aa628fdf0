import { type Clock, type Stop, systemClock, within } from '#internal/core/clock';
import { AditError, messageOf } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import type { AcceptStream } from '#internal/link/stream';
import type { V2AgentSession } from '#internal/link/v2/agent-session';
import { WindowBudget } from '#internal/link/v2/receive-window';
import { clientIdOfSession } from '#messages/client-id';
import { limits } from '#messages/limits';
import type { SessionPacket } from '#messages/v2';
import { Advice } from './advice.ts';
import { type Connection, connect, type WireChoice } from './connection.ts';
import type { HubAddress } from './dial.ts';
import { dispatch } from './dispatch.ts';
import { Health, type HealthStatus } from './health.ts';
import { hubLookup } from './hub-lookup.ts';
import type { AgentKey } from './key.ts';
import { watchNetwork } from './network-watch.ts';
import { Origin } from './origin.ts';
import type { OriginAddress } from './origin-address.ts';
import { OriginCheck } from './origin-check.ts';
import type { HostHeader } from './origin-request.ts';
import type { OriginTrust } from './origin-trust.ts';
import { Probes } from './probe.ts';
import { Redial } from './redial.ts';
import { watchWake } from './wake.ts';

export interface AgentOptions {
  hub: HubAddress;
  origin: OriginAddress;
  originTrust: OriginTrust;
  key: AgentKey;
  /** Empty for the key's own hostname. */
  session: string;
  hostHeader: HostHeader;
  wire: WireChoice;
}

/** What happens to a tunnel, as `adit --json` prints it. */
export type AgentEvent =
  | { event: 'connecting'; hub: string }
  | { event: 'online'; url: string; hostname: string }
  | { event: 'degraded'; reason: string }
  | { event: 'offline'; reason: string; retryInMs: number }
  | { event: 'replaced'; reason: string }
  | { event: 'refused'; reason: string }
  | { event: 'note'; message: string };

export interface AgentDeps {
  log: Log;
  clock?: Clock;
  onEvent(event: AgentEvent): void;
}

interface Served {
  connection: Connection;
  /** The hub is about to end. */
  draining: Promise<void>;
}

type Probed = Extract<SessionPacket, { kind: 'probed' }>;

const replaced = 'another agent with this key took over';

/** How long what is under way may take once the agent closes. */
const drainMs = 25_000;
/** How long the hub may take to close the connection after that. */
const goodbyeMs = 2_000;

/** Publishes one service through a hub, and keeps it published until it is closed. */
export class Agent {
  readonly #options: AgentOptions;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #onEvent: (event: AgentEvent) => void;
  readonly #origin: Origin;
  readonly #closing = new AbortController();
  readonly #redial: Redial;
  readonly #lookup = hubLookup();
  readonly #health = new Health((status) => this.#onHealth(status));
  readonly #probes: Probes;
  readonly #windows = new WindowBudget(limits.processWindows);
  readonly #accept: AcceptStream;
  #publicHost: string | undefined;
  #connection: Connection | undefined;
  /** Ends the attempt to connect of the moment. */
  #attempt = new AbortController();
  #ended: Promise<void> | undefined;
  /** What the next connection may go on with. */
  #resumed: V2AgentSession | undefined;

  constructor(options: AgentOptions, { log, clock = systemClock, onEvent }: AgentDeps) {
    this.#options = options;
    this.#log = log;
    this.#clock = clock;
    this.#onEvent = onEvent;
    this.#origin = new Origin(options.origin, clock, options.originTrust);
    this.#redial = new Redial(clock);
    this.#probes = new Probes({
      clock,
      ask: (nonce) => this.#connection?.tell({ kind: 'probe', nonce }),
      onProbed: (outcome, detail) => this.#health.probed(outcome, detail),
    });
    const { hostHeader } = options;
    const publicHost = (): string | undefined => this.#publicHost;
    const advice = new Advice((message) => this.#onEvent({ event: 'note', message }));
    this.#accept = dispatch({ origin: this.#origin, hostHeader, publicHost, probes: this.#probes, advice });
  }

  /**
   * Registers, and again whenever the connection is lost. Returns after `close()`. Throws ADIT_REPLACED when another
   * agent has taken the name, and ADIT_REFUSED when the hub does not let it register.
   */
  async run(): Promise<void> {
    const stopWatching = this.#watch();
    try {
      while (!this.#ended) {
        const { reason, retryAfterMs } = await this.#serveOnce();
        if (this.#ended) break;
        this.#health.disconnected(reason);
        const retryInMs = this.#redial.next(retryAfterMs);
        this.#onEvent({ event: 'offline', reason, retryInMs });
        await this.#redial.wait(retryInMs, this.#closing.signal);
      }
      await this.#ended;
    } catch (error) {
      if (isFinal(error)) {
        const event = error.code === 'ADIT_REPLACED' ? 'replaced' : 'refused';
        this.#onEvent({ event, reason: error.message });
      }
      throw error;
    } finally {
      stopWatching();
      this.#resumed?.end();
      this.#origin.close();
    }
  }

  /** Lets what is under way finish, says goodbye to the hub and ends `run`. */
  close(reason = 'the agent ends'): Promise<void> {
    this.#ended ??= this.#close(reason);
    return this.#ended;
  }

  async #close(reason: string): Promise<void> {
    const connection = this.#connection;
    if (connection) {
      const closed = connection.closed.then(() => undefined);
      await within(this.#clock, drainMs, Promise.race([connection.drain(reason), closed]));
      connection.disconnect();
      this.#closing.abort();
      await within(this.#clock, goodbyeMs, closed);
      connection.destroy();
    }
    this.#closing.abort();
  }

  /** Gathers what is to be known of this machine and of the origin. */
  #watch(): Stop {
    const origin = new OriginCheck({
      clock: this.#clock,
      check: async () => await this.#origin.check(),
      onChecked: (trouble) => this.#health.originChecked(trouble),
    });
    this.#origin.onTrouble = () => origin.suspect();
    // Whatever kept us from the hub may be over, or whatever led to it.
    const doubt = (): void => {
      this.#connection?.urge();
      this.#attempt.abort(new Error('this machine has slept, or is on another network'));
      this.#redial.now();
    };
    const stopWake = watchWake(this.#clock, doubt);
    const stopNetwork = watchNetwork(this.#clock, doubt);
    return () => {
      stopWake();
      stopNetwork();
      origin.stop();
      this.#probes.stop();
    };
  }

  #onHealth({ state, reason }: HealthStatus): void {
    const connection = this.#connection;
    if (!connection || (state !== 'online' && state !== 'degraded')) return;
    connection.tell({ kind: 'status', state, reason: reason.slice(0, limits.statusText) });
    if (state === 'degraded') this.#onEvent({ event: 'degraded', reason });
    else {
      const { hostname } = connection;
      this.#onEvent({ event: 'online', url: this.#publicUrl(hostname), hostname: hostname ?? '' });
    }
  }

  /** One connection from dialling to its end, and those that follow it without a gap. */
  async #serveOnce(): Promise<{ reason: string; retryAfterMs: number }> {
    const { hub } = this.#options;
    this.#health.connecting();
    this.#onEvent({ event: 'connecting', hub: hub.url.origin });
    try {
      let served = await this.#connect();
      for (;;) {
        this.#serve(served.connection);
        const next = await this.#following(served);
        if (!next) break;
        served = next;
      }
      const { code, reason } = await served.connection.closed;
      if (code === 1008 && reason === 'replaced') throw new AditError('ADIT_REPLACED', replaced);
      this.#redial.lost();
      return { reason: `the connection to the hub was lost (${code}${reason && `: ${reason}`})`, retryAfterMs: 0 };
    } catch (error) {
      if (isFinal(error)) throw error;
      const reason = `cannot connect to the hub ${hub.url.origin}: ${messageOf(error)}`;
      return { reason, retryAfterMs: retryAfterMsOf(error) };
    } finally {
      this.#connection = undefined;
      this.#probes.stop();
    }
  }

  #serve(connection: Connection): void {
    this.#connection = connection;
    this.#resumed = connection.session;
    // It may have been closed in the same moment.
    if (this.#ended) connection.destroy();
    this.#health.connected();
    this.#probes.start();
  }

  /** A hub that is about to end is left before it does. Undefined when the connection closes first. */
  async #following({ connection, draining }: Served): Promise<Served | undefined> {
    const over = new AbortController();
    const closed = connection.closed.then(() => over.abort());
    await Promise.race([closed, draining]);
    this.#redial.lost();
    const signal = AbortSignal.any([over.signal, this.#closing.signal]);
    while (!signal.aborted && !this.#ended) {
      try {
        return await this.#connect();
      } catch (error) {
        if (isFinal(error)) throw error;
        await this.#redial.wait(this.#redial.next(retryAfterMsOf(error)), signal);
      }
    }
    return undefined;
  }

  async #connect(): Promise<Served> {
    const { hub, key, session, wire } = this.#options;
    let onDrain: () => void = () => undefined;
    const draining = new Promise<void>((resolve) => {
      onDrain = resolve;
    });
    const deps = {
      clock: this.#clock,
      lookup: this.#lookup,
      log: this.#log,
      windows: this.#windows,
      accept: this.#accept,
      onRegistered: (hostname: string | undefined): void => {
        this.#publicHost = hostname;
      },
      onDrain,
      onProbed: ({ nonce, outcome, detail }: Probed): void => this.#probes.probed(nonce, outcome, detail),
      onRoundTrip: (ms: number): void => this.#health.roundTrip(ms),
      resumed: this.#resumed?.isEnded ? undefined : this.#resumed,
    };
    this.#attempt = new AbortController();
    const signal = AbortSignal.any([this.#closing.signal, this.#attempt.signal]);
    const connection = await connect({ hub, key, session, wire }, deps, signal);
    return { connection, draining };
  }

  /** Visitors reach the hub by the same scheme and port as we do; without a domain, by path. */
  #publicUrl(hostname: string | undefined): string {
    const { hub, key, session } = this.#options;
    const url = new URL('/', hub.url);
    if (hostname !== undefined) url.hostname = hostname;
    else url.pathname = `/proxy/request/${clientIdOfSession(key.clientId, session)}/`;
    return url.href;
  }
}

/** Whether another attempt would end the same way. */
function isFinal(error: unknown): error is AditError {
  return error instanceof AditError && (error.code === 'ADIT_REPLACED' || error.code === 'ADIT_REFUSED');
}

/** How long the hub, or what stands before it, asks us to stay away. */
function retryAfterMsOf(error: unknown): number {
  return error instanceof AditError ? (error.retryAfterSeconds ?? 0) * 1_000 : 0;
}
