/** Several processes as one in the metrics. */
import { expect, it } from 'vitest';
import { renderTogether, whatRemains } from '../../../src/observe/metric-sum.ts';
import { METRIC_PREFIX } from '../../../src/observe/metric-table.ts';
import { Metrics } from '../../../src/observe/metrics.ts';

const TRANSFER = { direction: 'upload', backend: 'legacy', outcome: 'completed', bytes: 100, seconds: 2 } as const;

function process(transfers: number, up: boolean, expiry: string): Metrics {
  const metrics = new Metrics({ version: '1.2.3' });
  for (let count = 0; count < transfers; count += 1) metrics.transferFinished(TRANSFER);
  metrics.sessionAccepted('public');
  metrics.backendUp('legacy', up);
  metrics.certificates([{ name: 'tls.crt', notAfter: new Date(expiry) }]);
  metrics.setPassivePortsReader(() => ({ free: 3, waiting: 1 }));
  return metrics;
}

async function ours(text: Promise<string>): Promise<readonly string[]> {
  return (await text).split('\n').filter((line) => line.startsWith(METRIC_PREFIX));
}

it('sums counters and histograms, and gauges as the table says', async () => {
  const one = process(2, true, '2030-01-01T00:00:00Z');
  const other = process(3, false, '2031-01-01T00:00:00Z');
  // As it travels between processes.
  const snapshots = structuredClone([await one.snapshot(), await other.snapshot()]);
  expect(await ours(renderTogether(snapshots))).toEqual(
    expect.arrayContaining([
      'sallyport_build_info{version="1.2.3"} 1',
      'sallyport_sessions_active{listener="public"} 2',
      'sallyport_transfers_total{direction="upload",backend="legacy",outcome="completed"} 5',
      'sallyport_transfer_bytes_total{direction="upload",backend="legacy"} 500',
      'sallyport_transfer_duration_seconds_bucket{le="5",direction="upload",outcome="completed"} 5',
      'sallyport_transfer_duration_seconds_sum{direction="upload",outcome="completed"} 10',
      'sallyport_transfer_duration_seconds_count{direction="upload",outcome="completed"} 5',
      'sallyport_passive_ports{state="free"} 6',
      'sallyport_passive_ports{state="waiting"} 2',
      'sallyport_backend_up{backend="legacy"} 0',
      `sallyport_certificate_expiry_timestamp_seconds{name="tls.crt"} ${Date.parse('2030-01-01T00:00:00Z') / 1000}`,
    ]),
  );
});

it('says the same of one process as that process itself', async () => {
  const metrics = process(2, true, '2030-01-01T00:00:00Z');
  const alone = await ours(metrics.render());
  expect((await ours(renderTogether([await metrics.snapshot()]))).toSorted()).toEqual(alone.toSorted());
});

it('keeps what the dead have counted, and nothing of their present', async () => {
  const first = await process(2, false, '2029-01-01T00:00:00Z').snapshot();
  const second = await process(3, false, '2029-01-01T00:00:00Z').snapshot();
  const remains = await whatRemains([await whatRemains([[], first]), second]);
  const living = process(1, true, '2030-01-01T00:00:00Z');
  expect(await ours(renderTogether([remains, await living.snapshot()]))).toEqual(
    expect.arrayContaining([
      'sallyport_transfers_total{direction="upload",backend="legacy",outcome="completed"} 6',
      'sallyport_transfer_duration_seconds_count{direction="upload",outcome="completed"} 6',
      'sallyport_sessions_active{listener="public"} 1',
      'sallyport_backend_up{backend="legacy"} 1',
      'sallyport_passive_ports{state="free"} 3',
    ]),
  );
});
