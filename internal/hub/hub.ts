import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Bus, NodeId } from '#internal/bus/bus';
import { type Clock, systemClock, within } from '#internal/core/clock';
import { messageOf } from '#internal/core/errors';
import type { Log } from '#internal/core/log';
import { TurnQueue } from '#internal/core/turn-queue';
import { version } from '#internal/core/version';
import { WindowBudget } from '#internal/link/v2/receive-window';
import { decodeNodeMessage } from '#messages/node';
import { type Health, metricsApp, ownApp } from './admin/app.ts';
import { acceptAgents } from './agents.ts';
import { BaseUrls } from './base-urls.ts';
import { joinCluster } from './cluster.ts';
import { ConnectionCounter } from './connection-counter.ts';
import type { Directory } from './directory/directory.ts';
import { drain } from './edge/drain.ts';
import { Edge } from './edge/edge.ts';
import { Listener, type ListenerHandler } from './edge/listener.ts';
import { LiveWebsockets } from './edge/live-websockets.ts';
import { Router, routesByPath } from './edge/router.ts';
import { UnderWay } from './edge/under-way.ts';
import { Gate } from './gate.ts';
import { hubEnds } from './hub-ends.ts';
import { SharedLimiter } from './limiter/shared.ts';
import { listenOn, ownUrl } from './listen.ts';
import { Metrics } from './metrics.ts';
import type { HubOptions } from './options.ts';
import { OwnServer } from './own-server.ts';
import { Prober } from './prober.ts';
import { AgentSessions } from './sessions/agent-sessions.ts';
import { SharedProbes } from './shared-probes.ts';
import type { Subscribe } from './subscribe.ts';
import type { Tokens } from './tokens/tokens.ts';

export interface HubDeps {
  log: Log;
  clock?: Clock;
}

/** Where a started hub can be found. */
export interface HubAddress {
  port: number;
  metricsPort: number | undefined;
  bases: BaseUrls;
}

/** How long goodbyes may take once the hub has drained. */
const goodbyeMs = 2_000;

/** A hub: the public edge, the agents that registered, and what brings the two together. */
export class Hub {
  readonly #options: HubOptions;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #bus: Bus;
  /** Drawn anew at every boot, so that nothing meant for an earlier process reaches this one. */
  readonly #node = randomBytes(8).toString('hex');
  readonly #directory: Directory;
  readonly #tokens: Tokens;
  readonly #underWay = new UnderWay();
  readonly #websockets = new LiveWebsockets();
  readonly #sessions: AgentSessions;
  readonly #metrics = new Metrics({
    sessions: () => this.#sessions.size,
    tunnels: () => this.#directory.size,
    states: () => this.#sessions.states,
  });
  readonly #limiter: SharedLimiter;
  /** For what agents ask when they come. */
  readonly #turns = new TurnQueue();
  readonly #counter: ConnectionCounter;
  readonly #listener: Listener;
  readonly #ownServer: OwnServer;
  readonly #metricsServer: Server;
  #allowedKeys: ReadonlySet<string> | undefined;
  #edge: Edge | undefined;
  #probes: SharedProbes | undefined;
  #subscribe: Subscribe | undefined;
  #notReady = 'starting';
  #closing: Promise<void> | undefined;

  constructor(options: HubOptions, { log, clock = systemClock }: HubDeps) {
    this.#options = options;
    this.#log = log;
    this.#clock = clock;
    this.#allowedKeys = options.allowedKeys;
    const { bus, directory, tokens, readings } = joinCluster(this.#node, options.redis, {
      clock,
      log,
      onLost: (losses) => this.#sessions.lost(losses),
    });
    this.#bus = bus;
    this.#directory = directory;
    this.#tokens = tokens;
    this.#sessions = new AgentSessions(
      { ...options, node: this.#node },
      { clock, log, bus, directory, metrics: this.#metrics, windows: new WindowBudget(options.memoryBytes) },
    );
    this.#limiter = new SharedLimiter(options.rate, {
      clock,
      bus,
      holder: options.redis ? (clientId) => this.#sessions.remoteHolder(clientId) : () => undefined,
    });
    if (readings) this.#metrics.addCluster({ ...readings, asks: this.#limiter.asks });
    this.#counter = new ConnectionCounter(options.maxConnectionsPerIp);
    this.#listener = new Listener(this.#listenerHandler(), clock, options.certificate);
    this.#ownServer = new OwnServer(
      {
        request: ownApp({ version, health: () => this.#health() }),
        upgrade: (request, socket, early) => this.#subscribe?.upgrade(request, socket, early),
      },
      this.#turns,
    );
    this.#metricsServer = createServer(metricsApp({ registry: this.#metrics.registry, health: () => this.#health() }));
  }

  /**
   * Starts to serve. Throws ADIT_ADDRESS_IN_USE or ADIT_FAILED.
   *
   * Health can be asked for at once. The bus comes before registrations, so that none can miss a notice; the public
   * listener comes last, since from then on agents and visitors arrive.
   */
  async start(): Promise<HubAddress> {
    const { listen, metricsListen, domain, pathRouting, probeUrl } = this.#options;
    const metricsPort = metricsListen && (await listenOn(this.#metricsServer, metricsListen));
    await this.#bus.start({
      message: (from, message) => this.#message(from, message),
      gone: (node) => {
        this.#limiter.gone(node);
        this.#sessions.nodeGone(node);
      },
      heard: (node) => this.#sessions.lanes.nodeHeard(node),
      writable: () => this.#sessions.writable(),
    });
    await this.#ownServer.listen();
    const port = await this.#listener.listen(listen);
    // The port is part of the base URL, and known only now. Nothing can have arrived within this turn.
    const { isSecure } = this.#listener;
    const bases = BaseUrls.of(this.#options.bases, { isSecure, domain, port });
    const isPathRouting = routesByPath(pathRouting, domain, bases);
    const own = ownUrl(listen, port, { isSecure });
    const isClosing = (): boolean => this.#closing !== undefined;
    const prober = new Prober({ named: probeUrl, own, domain, isPathRouting }, { clock: this.#clock, isClosing });
    this.#subscribe = acceptAgents(this.#options, {
      clock: this.#clock,
      log: this.#log,
      bases,
      directory: this.#directory,
      tokens: this.#tokens,
      turns: this.#turns,
      sessions: this.#sessions,
      prober,
      isAllowed: (keyId) => this.#allowedKeys?.has(keyId) ?? true,
    });
    const probes = new SharedProbes(this.#node, {
      clock: this.#clock,
      bus: this.#bus,
      directory: this.#directory,
      prober,
    });
    this.#probes = probes;
    this.#edge = this.#makeEdge(new Router({ bases, domain, isPathRouting }), probes);
    this.#notReady = '';
    return { port, metricsPort, bases };
  }

  /** Uses another certificate and another list of keys from now on. Throws when the certificate can't be used. */
  reload({ certificate, allowedKeys }: Pick<HubOptions, 'certificate' | 'allowedKeys'>): void {
    if (certificate) this.#listener.replaceCertificate(certificate);
    this.#allowedKeys = allowedKeys;
  }

  /** Lets requests under way finish and visitors turn elsewhere, says goodbye to agents and stops. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#notReady = 'shutting down';
    const listener = this.#listener;
    const { drainMs } = this.#options;
    this.#subscribe?.drain();
    this.#sessions.v2.drain(drainMs);
    await drain(drainMs, { clock: this.#clock, listener, underWay: this.#underWay, agents: this.#sessions.v1 });
    await this.#websockets.restart();
    this.#sessions.closeAll(...hubEnds);
    this.#ownServer.close();
    await within(this.#clock, goodbyeMs, listener.close());
    listener.destroyConnections();
    await listener.close();
    this.#metricsServer.close();
    this.#metricsServer.closeAllConnections();
    await this.#bus.close();
    await this.#directory.close();
  }

  #makeEdge(router: Router, probes: SharedProbes): Edge {
    const { domain, trustedProxies, timeoutMs, maxBodyBytes } = this.#options;
    return new Edge(
      { domain, trustedProxies },
      {
        clock: this.#clock,
        log: this.#log,
        metrics: this.#metrics,
        underWay: this.#underWay,
        websockets: this.#websockets,
        gate: new Gate({ limiter: this.#limiter, maxBodyBytes }),
        router,
        counter: this.#counter,
        timeoutMs,
        findOpener: (clientId) => this.#sessions.opener(clientId),
        isProbe: (clientId, target) => probes.isProbe(clientId, target),
        handOver: (socket, bytes) => this.#ownServer.take(socket, bytes),
      },
    );
  }

  #message(from: NodeId, bytes: Buffer): void {
    try {
      const message = decodeNodeMessage(bytes);
      const isTaken = this.#limiter.message(from, message) || this.#probes?.message(from, message);
      if (!isTaken) this.#sessions.message(from, message);
    } catch (error) {
      this.#metrics.unreadableBusMessage();
      this.#log.warn('a bus message could not be read', { error: messageOf(error) });
    }
  }

  #listenerHandler(): ListenerHandler {
    return {
      request: (connection, request) => this.#edge?.request(connection, request),
      malformed: (connection, error) => this.#edge?.malformed(connection, error),
      connection: (socket) => this.#admitConnection(socket),
      noHandshake: () => this.#metrics.refused('tls-handshake'),
    };
  }

  /** Connections of trusted proxies are counted by the visitor that each request names. */
  #admitConnection(socket: Socket): boolean {
    const address = socket.remoteAddress ?? '';
    if (this.#options.trustedProxies.has(address)) return true;
    const leave = this.#counter.enter(address);
    if (leave) socket.once('close', leave);
    else this.#metrics.refused('connections-per-ip');
    return leave !== undefined;
  }

  #health(): Health {
    const reason = this.#notReady || this.#bus.health.reason || this.#directory.health.reason;
    return { isReady: reason === '', reason };
  }
}
