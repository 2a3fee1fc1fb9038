/**
 * The metrics of the table in a registry of their own, with Node's own metrics beside them: counts, sets and renders by name and labels.
 * What is recorded when is in `metrics.ts`.
 */
import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from 'prom-client';
import {
  type LabelsOf,
  METRIC_PREFIX,
  METRICS,
  type MetricDescription,
  type MetricName,
  type MetricNameOf,
} from './metric-table.ts';

/** The values of all metrics of one process at one time: plain data, to be sent to another process. */
export type MetricsSnapshot = readonly MetricObjectWithValues<MetricValue<string>>[];

/** Every metric of {@link METRICS}, registered; several registries can live in one process. */
export class MetricRegistry {
  readonly #registry = new Registry();
  readonly #counters = new Map<MetricName, Counter>();
  readonly #gauges = new Map<MetricName, Gauge>();
  readonly #histograms = new Map<MetricName, Histogram>();

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    for (const name of Object.keys(METRICS) as MetricName[]) this.#register(name, METRICS[name]);
  }

  /** The media type of {@link text}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Everything in the Prometheus text format. */
  protected text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Everything as data. */
  protected values(): Promise<MetricsSnapshot> {
    return this.#registry.getMetricsAsJSON();
  }

  /** A counter goes up. */
  protected count<N extends MetricNameOf<'counter'>>(name: N, labels: LabelsOf<N>, by = 1): void {
    this.#counters.get(name)?.inc({ ...labels }, by);
  }

  /** A gauge has this value now. */
  protected set<N extends MetricNameOf<'gauge'>>(name: N, labels: LabelsOf<N>, value: number): void {
    this.#gauges.get(name)?.set({ ...labels }, value);
  }

  /** A gauge goes up, or down where `by` is negative. */
  protected add<N extends MetricNameOf<'gauge'>>(name: N, labels: LabelsOf<N>, by: number): void {
    this.#gauges.get(name)?.inc({ ...labels }, by);
  }

  /** A gauge has no series with these labels any more. */
  protected remove<N extends MetricNameOf<'gauge'>>(name: N, labels: LabelsOf<N>): void {
    this.#gauges.get(name)?.remove({ ...labels });
  }

  /** A gauge has no series any more. */
  protected reset(name: MetricNameOf<'gauge'>): void {
    this.#gauges.get(name)?.reset();
  }

  /** A histogram gets one more value. */
  protected observe<N extends MetricNameOf<'histogram'>>(name: N, labels: LabelsOf<N>, value: number): void {
    this.#histograms.get(name)?.observe({ ...labels }, value);
  }

  #register(name: MetricName, { kind, help, labels, buckets, together: aggregator = 'sum' }: MetricDescription): void {
    const shape = {
      name: METRIC_PREFIX + name,
      help,
      labelNames: [...labels],
      registers: [this.#registry],
      aggregator,
    };
    if (kind === 'counter') this.#counters.set(name, new Counter(shape));
    else if (kind === 'gauge') this.#gauges.set(name, new Gauge(shape));
    else this.#histograms.set(name, new Histogram({ ...shape, buckets: [...(buckets ?? [])] }));
  }
}
