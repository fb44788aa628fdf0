import { Backoff } from '#internal/core/backoff';
import { type Clock, systemClock } from '#internal/core/clock';
import { AditError, messageOf } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import type { AcceptStream } from '#internal/link/stream';
import type { V2AgentSession } from '#internal/link/v2/agent-session';
import { WindowBudget } from '#internal/link/v2/receive-window';
import { clientIdOfSession } from '#messages/client-id';
import { limits } from '#messages/limits';
import { type Connection, connect, type HubAddress, type WireChoice } from './connection.ts';
import { dispatch } from './dispatch.ts';
import type { AgentKey } from './key.ts';
import { Origin } from './origin.ts';
import type { OriginAddress } from './origin-address.ts';
import type { HostHeader } from './origin-request.ts';
import type { OriginTrust } from './origin-trust.ts';

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
  | { event: 'offline'; reason: string; retryInMs: number }
  | { event: 'replaced'; reason: string }
  | { event: 'refused'; reason: string };

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

const replaced = 'another agent with this key took over';

/** How long the hub may take to answer a goodbye. */
const goodbyeMs = 2_000;

/** Publishes one service through a hub, and keeps it published until it is closed. */
export class Agent {
  readonly #options: AgentOptions;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #onEvent: (event: AgentEvent) => void;
  readonly #origin: Origin;
  readonly #closing = new AbortController();
  readonly #backoff = new Backoff();
  readonly #windows = new WindowBudget(limits.processWindows);
  readonly #accept: AcceptStream;
  #publicHost: string | undefined;
  #connection: Connection | undefined;
  /** What the next connection may go on with. */
  #resumed: V2AgentSession | undefined;

  constructor(options: AgentOptions, { log, clock = systemClock, onEvent }: AgentDeps) {
    this.#options = options;
    this.#log = log;
    this.#clock = clock;
    this.#onEvent = onEvent;
    this.#origin = new Origin(options.origin, clock, options.originTrust);
    const { hostHeader } = options;
    this.#accept = dispatch({ origin: this.#origin, hostHeader, publicHost: () => this.#publicHost });
  }

  /**
   * Registers, and again whenever the connection is lost. Returns after `close()`. Throws ADIT_REPLACED when another
   * agent has taken the name, and ADIT_REFUSED when the hub does not let it register.
   */
  async run(): Promise<void> {
    let outageSince = this.#clock.now();
    try {
      while (!this.#closing.signal.aborted) {
        const { isReached, reason } = await this.#serveOnce();
        if (this.#closing.signal.aborted) return;
        if (isReached) outageSince = this.#clock.now();
        const retryInMs = Math.round(this.#backoff.next(this.#clock.now() - outageSince));
        this.#onEvent({ event: 'offline', reason, retryInMs });
        await this.#pause(retryInMs);
      }
    } catch (error) {
      const reason = messageOf(error);
      if (error instanceof AditError && error.code === 'ADIT_REPLACED') this.#onEvent({ event: 'replaced', reason });
      if (error instanceof AditError && error.code === 'ADIT_REFUSED') this.#onEvent({ event: 'refused', reason });
      throw error;
    } finally {
      this.#resumed?.end();
      this.#origin.close();
    }
  }

  /** Says goodbye to the hub and ends `run`. */
  async close(): Promise<void> {
    const connection = this.#connection;
    if (connection && !this.#closing.signal.aborted) {
      connection.disconnect();
      const stopTimer = this.#clock.after(goodbyeMs, () => connection.destroy());
      this.#closing.abort();
      await connection.closed;
      stopTimer();
    }
    this.#closing.abort();
  }

  /** One connection from dialling to its end, and those that follow it without a gap. */
  async #serveOnce(): Promise<{ isReached: boolean; reason: string }> {
    const { hub } = this.#options;
    this.#onEvent({ event: 'connecting', hub: hub.url.origin });
    let isReached = false;
    try {
      let served = await this.#connect();
      isReached = true;
      for (;;) {
        this.#serve(served.connection);
        const next = await this.#following(served);
        if (!next) break;
        served = next;
      }
      const { code, reason } = await served.connection.closed;
      if (code === 1008 && reason === 'replaced') throw new AditError('ADIT_REPLACED', replaced);
      return { isReached, reason: `the connection to the hub was lost (${code}${reason && `: ${reason}`})` };
    } catch (error) {
      if (error instanceof AditError && (error.code === 'ADIT_REPLACED' || error.code === 'ADIT_REFUSED')) throw error;
      return { isReached, reason: `cannot connect to the hub ${hub.url.origin}: ${messageOf(error)}` };
    } finally {
      this.#connection = undefined;
    }
  }

  #serve(connection: Connection): void {
    this.#connection = connection;
    this.#resumed = connection.session;
    // It may have been closed in the same moment.
    if (this.#closing.signal.aborted) connection.destroy();
    this.#backoff.reset();
    this.#onEvent({ event: 'online', url: this.#publicUrl(connection.hostname), hostname: connection.hostname ?? '' });
  }

  /** A hub that is about to end is left before it does. Undefined when the connection closes first. */
  async #following({ connection, draining }: Served): Promise<Served | undefined> {
    let isClosed = false;
    const closed = connection.closed.then(() => {
      isClosed = true;
    });
    await Promise.race([closed, draining]);
    const backoff = new Backoff();
    const since = this.#clock.now();
    while (!isClosed && !this.#closing.signal.aborted) {
      try {
        return await this.#connect();
      } catch (error) {
        if (error instanceof AditError && (error.code === 'ADIT_REPLACED' || error.code === 'ADIT_REFUSED'))
          throw error;
      }
      await Promise.race([closed, this.#pause(backoff.next(this.#clock.now() - since))]);
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
      log: this.#log,
      windows: this.#windows,
      accept: this.#accept,
      onRegistered: (hostname: string | undefined): void => {
        this.#publicHost = hostname;
      },
      onDrain,
      resumed: this.#resumed?.isEnded ? undefined : this.#resumed,
    };
    const connection = await connect({ hub, key, session, wire }, deps, this.#closing.signal);
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

  async #pause(ms: number): Promise<void> {
    const { signal } = this.#closing;
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stopTimer();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const stopTimer = this.#clock.after(ms, done);
      signal.addEventListener('abort', done);
    });
  }
}
