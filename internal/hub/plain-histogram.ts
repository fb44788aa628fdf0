import type { Metric, MetricValueWithName, Registry } from 'prom-client';

export interface PlainHistogramOptions {
  name: string;
  help: string;
  /** Upper bounds, in ascending order. */
  buckets: readonly number[];
  registry: Registry;
}

/**
 * A histogram without labels. The library's own looks its one series up among those of all labels each time, which takes
 * longer than the rest of what is counted of a request.
 */
export class PlainHistogram {
  readonly name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  /** How many were in each bucket and in none below; the last one is for what is longer than all. */
  readonly #counts: number[];
  #sum = 0;

  constructor({ name, help, buckets, registry }: PlainHistogramOptions) {
    this.name = name;
    this.#help = help;
    this.#bounds = [...buckets, Number.POSITIVE_INFINITY];
    this.#counts = this.#bounds.map(() => 0);
    // It asks for no more than a name and `get`.
    registry.registerMetric(this as unknown as Metric);
  }

  observe(value: number): void {
    let bucket = 0;
    while (value > (this.#bounds[bucket] as number)) bucket += 1;
    (this.#counts[bucket] as number) += 1;
    this.#sum += value;
  }

  /** All of it, as the library writes it down: each bucket has those below it, too. */
  async get(): Promise<object> {
    const { name } = this;
    let count = 0;
    const values: MetricValueWithName<'le'>[] = this.#bounds.map((bound, i) => {
      count += this.#counts[i] as number;
      return { metricName: `${name}_bucket`, labels: { le: Number.isFinite(bound) ? bound : '+Inf' }, value: count };
    });
    values.push({ metricName: `${name}_sum`, labels: {}, value: this.#sum });
    values.push({ metricName: `${name}_count`, labels: {}, value: count });
    return { name, help: this.#help, type: 'histogram', aggregator: 'sum', values };
  }
}
