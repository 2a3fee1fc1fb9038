/**
 * Makes one set of metrics out of those of several processes, by the rule that the table has for each. Knows nothing of
 * processes and of how their values got here.
 */
import { AggregatorRegistry } from 'prom-client';
import type { MetricsSnapshot } from './metrics.ts';

/** The text, in the Prometheus format, of several processes as if they were one. */
export function renderTogether(snapshots: readonly MetricsSnapshot[]): Promise<string> {
  return together(snapshots).metrics();
}

/**
 * What is left of processes that have ended: the sums of their counters and histograms, without gauges. With it in the sum
 * a counter never goes back, which a reader of the metrics would take for a restart.
 */
export async function whatRemains(snapshots: readonly MetricsSnapshot[]): Promise<MetricsSnapshot> {
  const metrics = await together(snapshots).getMetricsAsJSON();
  return metrics.filter(({ type }) => String(type) !== 'gauge');
}

function together(snapshots: readonly MetricsSnapshot[]): ReturnType<typeof AggregatorRegistry.aggregate> {
  return AggregatorRegistry.aggregate([...snapshots]);
}
