/** What a gateway of this version exports beside its own table: the names of Node's metrics. */
import { METRIC_PREFIX } from '../../src/observe/metric-table.ts';
import { Metrics } from '../../src/observe/metrics.ts';

/** Names of the metrics that are not in the table; those of histograms without their endings. */
export async function nodeMetrics(): Promise<ReadonlySet<string>> {
  const text = await new Metrics({ version: '0.0.0-test' }).render();
  const names = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name);
  return new Set(names.filter((name) => !name.startsWith(METRIC_PREFIX)));
}
