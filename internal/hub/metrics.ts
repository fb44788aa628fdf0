import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Reads a current value when the metrics are asked for. */
export interface Readings {
  sessions(): number;
  tunnels(): number;
}

/** The hub's metrics. No label ever names a tunnel, a host or a user: series must stay few. */
export class Metrics {
  readonly registry = new Registry();
  readonly #requests = this.#counter('adit_requests_total', 'Proxied requests by class of the status sent', ['status']);
  readonly #errors = this.#counter('adit_errors_total', 'Errors told to visitors, by code', ['code']);
  readonly #refusals = this.#counter('adit_refusals_total', 'Input refused before it was a request', ['reason']);
  readonly #registrations = this.#counter('adit_registrations_total', 'Registrations by outcome', ['outcome']);
  readonly #strayAnswers = this.#counter('adit_stray_answers_total', 'Answers of agents that nobody waited for');
  readonly #unreadable = this.#counter('adit_bus_unreadable_total', 'Bus messages that could not be read');
  readonly #bytes = this.#counter('adit_body_bytes_total', 'Body bytes by direction', ['direction']);
  readonly #inFlight = new Gauge({
    name: 'adit_requests_in_flight',
    help: 'Proxied requests and upgraded connections under way',
    registers: [this.registry],
  });
  readonly #seconds = new Histogram({
    name: 'adit_request_seconds',
    help: 'From the request head to the end of the response',
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 30],
    registers: [this.registry],
  });
  // Looking labels up costs more than counting, so the ones that every request needs are found once.
  readonly #byStatusClass = ['1xx', '2xx', '3xx', '4xx', '5xx'].map((status) => this.#requests.labels(status));
  readonly #bytesIn = this.#bytes.labels('request');
  readonly #bytesOut = this.#bytes.labels('response');

  constructor(readings: Readings) {
    collectDefaultMetrics({ register: this.registry });
    this.#gauge('adit_sessions', 'Agents connected to this hub', () => readings.sessions());
    this.#gauge('adit_tunnels', 'Client ids that are served', () => readings.tunnels());
  }

  /** An exchange began. */
  begun(): void {
    this.#inFlight.inc();
  }

  /** An exchange ended; status 0 is one that the visitor left before an answer. */
  ended(outcome: { status: number; seconds: number; bytesIn: number; bytesOut: number }): void {
    this.#inFlight.dec();
    this.#byStatusClass[Math.floor(outcome.status / 100) - 1]?.inc();
    this.#seconds.observe(outcome.seconds);
    this.#bytesIn.inc(outcome.bytesIn);
    this.#bytesOut.inc(outcome.bytesOut);
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

  unreadableBusMessage(): void {
    this.#unreadable.inc();
  }

  #counter<L extends string = never>(name: string, help: string, labelNames: L[] = []): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
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
