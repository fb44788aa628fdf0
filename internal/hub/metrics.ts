import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { BusStats } from '#internal/bus/stats';
import { PlainHistogram } from './plain-histogram.ts';

/** Reads a current value when the metrics are asked for. */
export interface Readings {
  sessions(): number;
  tunnels(): number;
  /** Sessions by their state. */
  states(): Readonly<Record<string, number>>;
}

/** What a hub counts that shares its agents with others; all of it since it started. */
export interface ClusterReadings {
  bus: Readonly<BusStats>;
  /** Renewals of what the directory holds of a session. */
  leases: Readonly<Record<string, number>>;
  /** Questions to other hubs of how many requests may pass. */
  asks: Readonly<Record<string, number>>;
}

/** What is counted of an exchange. */
export type ExchangeMetrics = Pick<Metrics, 'begun' | 'ended' | 'errorTold' | 'refused'>;

const ignore = (): void => undefined;
/** Counts nothing: for exchanges that are the hub's own. */
export const uncounted: ExchangeMetrics = { begun: ignore, ended: ignore, errorTold: ignore, refused: ignore };

const statusClasses = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const;

/** The hub's metrics. No label ever names a tunnel, a host or a user: series must stay few. */
export class Metrics {
  readonly registry = new Registry();
  readonly #errors = this.#counter('adit_errors_total', 'Errors told to visitors, by code', ['code']);
  readonly #refusals = this.#counter('adit_refusals_total', 'Input refused before it was a request', ['reason']);
  readonly #registrations = this.#counter('adit_registrations_total', 'Registrations by outcome', ['outcome']);
  readonly #strayAnswers = this.#counter('adit_stray_answers_total', 'Answers of agents that nobody waited for');
  readonly #unreadable = this.#counter('adit_bus_unreadable_total', 'Bus messages that could not be read');
  readonly #seconds = new PlainHistogram({
    name: 'adit_request_seconds',
    help: 'From the request head to the end of the response',
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 30],
    registry: this.registry,
  });
  // What every request counts is kept as plain numbers, and given to the library when somebody asks.
  readonly #byStatusClass = { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 };
  readonly #bytes = { request: 0, response: 0 };
  #inFlight = 0;
  readonly #repairs = { asked: 0, sent: 0 };
  readonly #sessions = { parked: 0, resumed: 0, moved: 0 };

  constructor(readings: Readings) {
    collectDefaultMetrics({ register: this.registry });
    this.#gauge('adit_sessions', 'Agents connected to this hub', () => readings.sessions());
    this.#gauge('adit_tunnels', 'Client ids that are served', () => readings.tunnels());
    this.#gaugeOfEach('adit_agents', 'Sessions of agents by state', 'state', () => readings.states());
    this.#gauge('adit_requests_in_flight', 'Proxied requests and upgraded connections under way', () => this.#inFlight);
    this.#counts('adit_requests_total', 'Proxied requests by class of the status sent', 'status', this.#byStatusClass);
    this.#counts('adit_body_bytes_total', 'Body bytes by direction', 'direction', this.#bytes);
    this.#counts(
      'adit_lane_repairs_total',
      'What was lost below a lane: asked for or sent again',
      'what',
      this.#repairs,
    );
    this.#count('adit_sessions_parked_total', 'Sessions that lost their connection', () => this.#sessions.parked);
    this.#count('adit_sessions_resumed_total', 'Sessions that went on here', () => this.#sessions.resumed);
  }

  /** Adds what only a hub has that shares its agents with others. */
  addCluster({ bus, leases, asks }: ClusterReadings): void {
    this.#count('adit_sessions_moved_total', 'Sessions that came from another hub', () => this.#sessions.moved);
    this.#count('adit_bus_published_total', 'Messages to hubs', () => bus.published);
    this.#count('adit_bus_received_total', 'Messages of hubs', () => bus.received);
    this.#count('adit_bus_dropped_total', 'Messages to hubs that were not sent', () => bus.dropped);
    this.#count('adit_bus_stale_total', 'Messages of hubs that came too late', () => bus.stale);
    this.#count('adit_bus_nodes_gone_total', 'Hubs that left or died', () => bus.gone);
    this.#count('adit_bus_reconnects_total', 'Lost connections to Redis', () => bus.reconnects);
    this.#gauge('adit_bus_lag_seconds', 'How long the last heartbeat took to come back', () => bus.lagMs / 1_000);
    this.#counts('adit_directory_leases_total', 'Renewals of leases of sessions', 'outcome', leases);
    this.#counts('adit_limiter_asks_total', 'Questions to other hubs about rates', 'outcome', asks);
  }

  /** An exchange began. */
  begun(): void {
    this.#inFlight += 1;
  }

  /** An exchange ended; status 0 is one that the visitor left before an answer. */
  ended(outcome: { status: number; seconds: number; bytesIn: number; bytesOut: number }): void {
    this.#inFlight -= 1;
    if (outcome.status !== 0) this.#byStatusClass[statusClasses[Math.floor(outcome.status / 100) - 1] ?? '5xx'] += 1;
    this.#seconds.observe(outcome.seconds);
    this.#bytes.request += outcome.bytesIn;
    this.#bytes.response += outcome.bytesOut;
  }

  errorTold(code: string): void {
    this.#errors.labels(code).inc();
  }

  refused(reason: string): void {
    this.#refusals.labels(reason).inc();
  }

  registration(outcome: 'accepted' | 'refused'): void {
    this.#registrations.labels(outcome).inc();
  }

  strayAnswer(): void {
    this.#strayAnswers.inc();
  }

  laneRepaired(what: 'asked' | 'sent'): void {
    this.#repairs[what] += 1;
  }

  sessionParked(): void {
    this.#sessions.parked += 1;
  }

  sessionResumed({ isFromOther }: { isFromOther: boolean }): void {
    this.#sessions.resumed += 1;
    if (isFromOther) this.#sessions.moved += 1;
  }

  unreadableBusMessage(): void {
    this.#unreadable.inc();
  }

  #counter<L extends string = never>(name: string, help: string, labelNames: L[] = []): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #count(name: string, help: string, read: () => number): void {
    new Counter({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  #counts(name: string, help: string, label: string, counts: Readonly<Record<string, number>>): void {
    new Counter({
      name,
      help,
      labelNames: [label],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [value, count] of Object.entries(counts)) this.inc({ [label]: value }, count);
      },
    });
  }

  #gaugeOfEach(name: string, help: string, label: string, read: () => Readonly<Record<string, number>>): void {
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [this.registry],
      collect() {
        for (const [value, count] of Object.entries(read())) this.set({ [label]: value }, count);
      },
    });
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }
}
