/**
 * What a query of Prometheus asks for: names of metrics with the labels that it selects and groups by. Reads just as much PromQL as
 * `deploy/` has; whether a query is right is the business of Prometheus itself.
 */
import { METRIC_PREFIX, METRICS, type MetricName } from '../../src/observe/metric-table.ts';

/** One metric in a query. */
export interface MetricUse {
  /** As in the query, without `_bucket`, `_sum` and `_count` of histograms. */
  readonly name: string;
  readonly labels: readonly string[];
}

/** Labels that Prometheus adds. */
const ADDED = new Set(['job', 'instance']);
/** Of histograms. */
const BOUND = 'le';

/** The metrics of a query. */
export function metricsIn(query: string): readonly MetricUse[] {
  const found = query.matchAll(/\b((?:sallyport|nodejs|process)_[a-z0-9_]+|up)\b(?:\{([^}]*)\})?/g);
  return [...found].map(([, name = '', selector = '']) => ({
    name: baseName(name),
    labels: [...selector.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
  }));
}

/** Labels that a query groups by. */
export function groupsIn(query: string): readonly string[] {
  const lists = query.matchAll(/\b(?:by|on) \(([^)]*)\)/g);
  return [...lists].flatMap(([, list = '']) => list.split(',').map((label) => label.trim()));
}

/** What is asked for in a query although no gateway has it: metrics, and labels. `others` are names of metrics that are not in the table. */
export function unknownIn(query: string, others: ReadonlySet<string>): readonly string[] {
  const uses = metricsIn(query);
  const carried = new Set(uses.flatMap(({ name }) => labelsOf(name)));
  return [
    ...uses
      .filter(({ name }) => rowOf(name) === undefined && !others.has(name) && name !== 'up')
      .map(({ name }) => name),
    ...uses.flatMap(({ name, labels }) =>
      labels
        .filter((label) => !ADDED.has(label) && !labelsOf(name).includes(label))
        .map((label) => `${name}{${label}}`),
    ),
    ...groupsIn(query).filter((label) => !ADDED.has(label) && label !== BOUND && !carried.has(label)),
  ];
}

function baseName(name: string): string {
  const base = name.replace(/_(?:bucket|sum|count)$/, '');
  return rowOf(base)?.kind === 'histogram' ? base : name;
}

function rowOf(name: string): (typeof METRICS)[MetricName] | undefined {
  return Object.entries(METRICS).find(([short]) => METRIC_PREFIX + short === name)?.[1];
}

function labelsOf(name: string): readonly string[] {
  return rowOf(name)?.labels ?? [];
}
