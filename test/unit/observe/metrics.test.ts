/**
 * What a Prometheus server sees after each event.
 */
import { describe, expect, it } from 'vitest';
import { METRIC_PREFIX, METRICS } from '../../../src/observe/metric-table.ts';
import { Metrics } from '../../../src/observe/metrics.ts';
import type { TlsFacts } from '../../../src/tls/facts.ts';

const TLS: TlsFacts = {
  version: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  resumed: true,
  servername: 'ftp.example.com',
  protocol: undefined,
};

/** Our own sample lines. */
async function samples(metrics: Metrics): Promise<readonly string[]> {
  return (await metrics.render()).split('\n').filter((line) => line.startsWith(METRIC_PREFIX));
}

describe('metrics', () => {
  it('name the version, and include those of Node', async () => {
    const metrics = new Metrics({ version: '1.2.3' });
    const text = await metrics.render();
    expect(text).toContain('sallyport_build_info{version="1.2.3"} 1');
    expect(text).toContain('process_resident_memory_bytes');
    expect(text).toContain('nodejs_eventloop_lag_seconds');
    expect(metrics.contentType).toMatch(/^text\/plain/);
  });

  it('show every metric of the table with its kind and help, before anything happened', async () => {
    const text = await new Metrics({ version: '1' }).render();
    for (const [name, { kind, help }] of Object.entries(METRICS)) {
      expect(text).toContain(`# HELP ${METRIC_PREFIX}${name} ${help}\n# TYPE ${METRIC_PREFIX}${name} ${kind}\n`);
    }
  });

  it('count open and ended sessions, and those turned away at the door only as ended', async () => {
    const metrics = new Metrics({ version: '1' });
    metrics.sessionAccepted('public');
    metrics.sessionAccepted('public');
    metrics.sessionEnded('public', 'client-quit');
    metrics.sessionRefused('public', 'too-many-sessions');
    expect(await samples(metrics)).toEqual(
      expect.arrayContaining([
        'sallyport_sessions_active{listener="public"} 1',
        'sallyport_sessions_total{listener="public",outcome="client-quit"} 1',
        'sallyport_sessions_total{listener="public",outcome="too-many-sessions"} 1',
      ]),
    );
  });

  it('count transfers with bytes, time and cause', async () => {
    const metrics = new Metrics({ version: '1' });
    const transfer = { direction: 'upload', backend: 'legacy', bytes: 1000, seconds: 2 } as const;
    metrics.transferFinished({ ...transfer, outcome: 'completed' });
    metrics.transferFinished({ ...transfer, outcome: 'failed', cause: 'client-data-truncated' });
    const lines = await samples(metrics);
    expect(lines).toEqual(
      expect.arrayContaining([
        'sallyport_transfers_total{direction="upload",backend="legacy",outcome="completed"} 1',
        'sallyport_transfers_total{direction="upload",backend="legacy",outcome="failed"} 1',
        'sallyport_transfer_failures_total{direction="upload",backend="legacy",cause="client-data-truncated"} 1',
        'sallyport_transfer_bytes_total{direction="upload",backend="legacy"} 2000',
        'sallyport_transfer_duration_seconds_bucket{le="1",direction="upload",outcome="completed"} 0',
        'sallyport_transfer_duration_seconds_bucket{le="5",direction="upload",outcome="completed"} 1',
      ]),
    );
    expect(lines.filter((line) => line.startsWith('sallyport_transfer_failures_total'))).toHaveLength(1);
  });

  it('count everything else under the labels of the table', async () => {
    const metrics = new Metrics({ version: '1' });
    metrics.loginFinished('legacy', 'refused');
    metrics.command('STOR');
    metrics.malformedCommand('malformed-verb');
    metrics.dataConnectionFailed('backend', 'backend-data-refused');
    metrics.unclaimedDataConnection('unexpected');
    metrics.uncleanUpload('public');
    metrics.tlsHandshakeFinished('client', 'data', TLS);
    metrics.tlsHandshakeFailed('client', 'tls-handshake-timeout');
    metrics.policyDenied('requireProtP', 'report');
    metrics.backendConnected('legacy', 0.02);
    metrics.backendFailed('legacy', 'backend-unreachable');
    metrics.backendUp('legacy', true);
    metrics.unsolicitedReply('legacy');
    metrics.certificates([{ name: 'tls.crt', notAfter: new Date('2030-01-01T00:00:00Z') }]);
    metrics.internalError();
    expect(await samples(metrics)).toEqual(
      expect.arrayContaining([
        'sallyport_logins_total{backend="legacy",outcome="refused"} 1',
        'sallyport_commands_total{verb="STOR"} 1',
        'sallyport_malformed_commands_total{problem="malformed-verb"} 1',
        'sallyport_data_connection_failures_total{side="backend",cause="backend-data-refused"} 1',
        'sallyport_unclaimed_data_connections_total{cause="unexpected"} 1',
        'sallyport_unclean_uploads_total{listener="public"} 1',
        'sallyport_tls_handshakes_total{side="client",channel="data",version="TLSv1.3",resumed="true"} 1',
        'sallyport_tls_handshake_failures_total{side="client",reason="tls-handshake-timeout"} 1',
        'sallyport_policy_denials_total{rule="requireProtP",mode="report"} 1',
        'sallyport_backend_connect_seconds_count{backend="legacy"} 1',
        'sallyport_backend_failures_total{backend="legacy",cause="backend-unreachable"} 1',
        'sallyport_backend_up{backend="legacy"} 1',
        'sallyport_unsolicited_replies_total{backend="legacy"} 1',
        'sallyport_certificate_expiry_timestamp_seconds{name="tls.crt"} 1893456000',
        'sallyport_internal_errors_total 1',
      ]),
    );
  });

  it('read the passive range each time they are rendered', async () => {
    const metrics = new Metrics({ version: '1' });
    const ports = { free: 10, waiting: 0 };
    metrics.setPassivePortsReader(() => ports);
    expect(await samples(metrics)).toContain('sallyport_passive_ports{state="free"} 10');
    Object.assign(ports, { free: 7, waiting: 3 });
    const lines = await samples(metrics);
    expect(lines).toContain('sallyport_passive_ports{state="free"} 7');
    expect(lines).toContain('sallyport_passive_ports{state="waiting"} 3');
  });

  it('are separate for each gateway of a process', async () => {
    const [one, other] = [new Metrics({ version: '1' }), new Metrics({ version: '2' })];
    one.command('NOOP');
    expect((await samples(other)).filter((line) => line.includes('verb='))).toEqual([]);
    expect(await samples(one)).toContain('sallyport_commands_total{verb="NOOP"} 1');
  });

  it('keep to the conventions: base units, _total on counters only', () => {
    for (const [name, { kind }] of Object.entries(METRICS)) {
      expect([name, name.endsWith('_total')]).toEqual([name, kind === 'counter']);
      expect(name).not.toMatch(/milliseconds|minutes|kilobytes/);
    }
  });

  it('have no label for a user, a path or an address', () => {
    const labels = new Set<string>(Object.values(METRICS).flatMap(({ labels }) => [...labels]));
    for (const secret of ['user', 'path', 'address', 'client', 'session', 'servername', 'peer']) {
      expect([...labels]).not.toContain(secret);
    }
  });
});
