/**
 * Records the metrics of one gateway in a registry of its own, one method per event, so that nobody else needs to know
 * names and labels. Node's own metrics are in the same registry. Knows nothing of HTTP and of logs.
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
import type { ErrorCode } from '../errors/errors.ts';
import type { TlsFacts } from '../tls/facts.ts';
import type {
  AuditState,
  Channel,
  LoginOutcome,
  PassivePorts,
  PolicyRule,
  Side,
  TransferMeasures,
} from './measures.ts';
import {
  type LabelsOf,
  METRIC_PREFIX,
  METRICS,
  type MetricDescription,
  type MetricName,
  type MetricNameOf,
} from './metric-table.ts';

export type * from './measures.ts';

/** The values of all metrics of one process at one time: plain data, to be sent to another process. */
export type MetricsSnapshot = readonly MetricObjectWithValues<MetricValue<string>>[];

/** The metrics of one gateway; several can live in one process. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #counters = new Map<MetricName, Counter>();
  readonly #gauges = new Map<MetricName, Gauge>();
  readonly #histograms = new Map<MetricName, Histogram>();
  #readPassivePorts: (() => PassivePorts) | undefined;
  #readAudit: (() => AuditState) | undefined;

  constructor(options: { readonly version: string }) {
    collectDefaultMetrics({ register: this.#registry });
    for (const name of Object.keys(METRICS) as MetricName[]) this.#register(name, METRICS[name]);
    this.#set('build_info', { version: options.version }, 1);
  }

  /** Everything in the Prometheus text format, read now. */
  render(): Promise<string> {
    this.#update();
    return this.#registry.metrics();
  }

  /** Everything as data, read now; `renderTogether` makes one text of several. */
  snapshot(): Promise<MetricsSnapshot> {
    this.#update();
    return this.#registry.getMetricsAsJSON();
  }

  /** The media type of {@link render}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** A client was let in. Its end must be told through {@link sessionEnded}. */
  sessionAccepted(listener: string): void {
    this.#gauges.get('sessions_active')?.inc({ listener });
  }

  /** A session that was told through {@link sessionAccepted} ended. */
  sessionEnded(listener: string, code: ErrorCode): void {
    this.#gauges.get('sessions_active')?.dec({ listener });
    this.#count('sessions_total', { listener, outcome: code });
  }

  /** A client was turned away at the door, before it had a session. */
  sessionRefused(listener: string, code: ErrorCode): void {
    this.#count('sessions_total', { listener, outcome: code });
  }

  /** A connection that had to begin with a PROXY header was accepted, was a health check (`local`), or was closed. */
  proxyHeader(channel: Channel, outcome: 'accepted' | 'local' | ErrorCode): void {
    this.#count('proxy_headers_total', { channel, outcome });
  }

  loginFinished(backend: string, outcome: LoginOutcome): void {
    this.#count('logins_total', { backend, outcome });
  }

  /** An address was banned. */
  addressBanned(): void {
    this.#count('bans_total', {});
  }

  /** The operator's service gave no usable answer about a login. */
  decisionFailed(): void {
    this.#count('decision_failures_total', {});
  }

  /** A command arrived. `verb` is one of the known verbs, or `other`: never what a client sent. */
  command(verb: string): void {
    this.#count('commands_total', { verb });
  }

  /** A line arrived that is no command. `problem` is one of our own words, never a part of the line. */
  malformedCommand(problem: string): void {
    this.#count('malformed_commands_total', { problem });
  }

  transferFinished({ direction, backend, outcome, cause, bytes, seconds }: TransferMeasures): void {
    this.#count('transfers_total', { direction, backend, outcome });
    if (cause !== undefined) this.#count('transfer_failures_total', { direction, backend, cause });
    this.#count('transfer_bytes_total', { direction, backend }, bytes);
    this.#observe('transfer_duration_seconds', { direction, outcome }, seconds);
  }

  dataConnectionFailed(side: Side, cause: ErrorCode): void {
    this.#count('data_connection_failures_total', { side, cause });
  }

  /** A connection to a passive port found no session. */
  unclaimedDataConnection(cause: string): void {
    this.#count('unclaimed_data_connections_total', { cause });
  }

  /** An upload without close_notify was accepted because of `uploadEnd: tolerant`. */
  uncleanUpload(listener: string): void {
    this.#count('unclean_uploads_total', { listener });
  }

  /** A download without close_notify of the backend was accepted because of `downloadEnd: tolerant`. */
  uncleanDownload(backend: string): void {
    this.#count('unclean_downloads_total', { backend });
  }

  tlsHandshakeFinished(side: Side, channel: Channel, facts: TlsFacts): void {
    const { version, resumed } = facts;
    this.#count('tls_handshakes_total', { side, channel, version, resumed: String(resumed) });
  }

  tlsHandshakeFailed(side: Side, reason: ErrorCode): void {
    this.#count('tls_handshake_failures_total', { side, reason });
  }

  policyDenied(rule: PolicyRule, mode: 'enforce' | 'report'): void {
    this.#count('policy_denials_total', { rule, mode });
  }

  /** Says where to read the state of the passive range whenever the metrics are rendered. */
  setPassivePortsReader(read: () => PassivePorts): void {
    this.#readPassivePorts = read;
  }

  /** Says where to read the state of the audit log whenever the metrics are rendered. */
  setAuditReader(read: () => AuditState): void {
    this.#readAudit = read;
  }

  /** Records were written, were written late, or were lost. */
  auditRecords(log: 'audit' | 'xferlog', outcome: 'written' | 'delayed' | 'lost', records: number): void {
    this.#count('audit_records_total', { log, outcome }, records);
  }

  backendConnected(backend: string, seconds: number): void {
    this.#observe('backend_connect_seconds', { backend }, seconds);
  }

  backendFailed(backend: string, cause: ErrorCode): void {
    this.#count('backend_failures_total', { backend, cause });
  }

  backendUp(backend: string, up: boolean): void {
    this.#set('backend_up', { backend }, up ? 1 : 0);
  }

  /** An FTPS backend is there whose certificate is verified, or not. */
  backendUnverified(backend: string, unverified: boolean): void {
    this.#set('backend_unverified', { backend }, unverified ? 1 : 0);
  }

  /** An operator keeps new sessions away from a backend, or no longer. */
  backendDrained(backend: string, drained: boolean): void {
    this.#set('backend_drained', { backend }, drained ? 1 : 0);
  }

  /** A backend went down. */
  backendEjected(backend: string): void {
    this.#count('backend_ejections_total', { backend });
  }

  /** So many more sessions hold a link to a backend. */
  backendSessions(backend: string, by: number): void {
    this.#gauges.get('backend_sessions_active')?.inc({ backend }, by);
  }

  /** This backend is configured: it has series from now on. */
  backendConfigured(backend: string): void {
    this.#count('backend_ejections_total', { backend }, 0);
    this.backendSessions(backend, 0);
  }

  /** This backend is not configured any more. Sessions that it still has are counted on. */
  backendGone(backend: string): void {
    const gauges = ['backend_up', 'backend_unverified', 'backend_drained'] as const;
    for (const name of gauges) this.#gauges.get(name)?.remove({ backend });
  }

  unsolicitedReply(backend: string): void {
    this.#count('unsolicited_replies_total', { backend });
  }

  /** A configuration was read: the first one, or another time. */
  configurationRead(outcome: 'first' | 'applied' | 'refused'): void {
    this.#set('config_last_reload_successful', {}, outcome === 'refused' ? 0 : 1);
    if (outcome !== 'refused') this.#set('config_last_reload_timestamp_seconds', {}, Date.now() / 1000);
    if (outcome !== 'first') this.#count('config_reloads_total', { outcome });
  }

  /** No more sessions are taken. */
  draining(): void {
    this.#set('draining', {}, 1);
  }

  /** The certificates in use, in place of those before. */
  certificates(inUse: readonly { readonly name: string; readonly notAfter: Date }[]): void {
    this.#gauges.get('certificate_expiry_timestamp_seconds')?.reset();
    for (const { name, notAfter } of inUse) {
      this.#set('certificate_expiry_timestamp_seconds', { name }, notAfter.getTime() / 1000);
    }
  }

  /** A worker process serves clients, or no longer. */
  workerUp(worker: number, up: boolean): void {
    this.#set('worker_up', { worker: String(worker) }, up ? 1 : 0);
    this.#count('worker_restarts_total', { worker: String(worker) }, 0);
  }

  /** A worker process died and is replaced. */
  workerRestarted(worker: number): void {
    this.#count('worker_restarts_total', { worker: String(worker) });
  }

  /** How many sessions a worker process has now. */
  workerSessions(worker: number, sessions: number): void {
    this.#set('worker_sessions_active', { worker: String(worker) }, sessions);
  }

  /** A request to the side port was not allowed. `problem` is one of our own words. */
  sidePortDenied(problem: string): void {
    this.#count('side_port_denials_total', { problem });
  }

  /** A fault of ours ended a session. */
  internalError(): void {
    this.#count('internal_errors_total', {});
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

  #count<N extends MetricNameOf<'counter'>>(name: N, labels: LabelsOf<N>, by = 1): void {
    this.#counters.get(name)?.inc({ ...labels }, by);
  }

  #set<N extends MetricNameOf<'gauge'>>(name: N, labels: LabelsOf<N>, value: number): void {
    this.#gauges.get(name)?.set({ ...labels }, value);
  }

  #observe<N extends MetricNameOf<'histogram'>>(name: N, labels: LabelsOf<N>, value: number): void {
    this.#histograms.get(name)?.observe({ ...labels }, value);
  }

  #update(): void {
    for (const [log, state] of Object.entries(this.#readAudit?.() ?? {})) {
      if (state === undefined) continue;
      this.#set('audit_writable', { log }, state.writable ? 1 : 0);
      this.#set('audit_records_waiting', { log }, state.waiting);
    }
    const ports = this.#readPassivePorts?.();
    if (ports === undefined) return;
    this.#set('passive_ports', { state: 'free' }, ports.free);
    this.#set('passive_ports', { state: 'waiting' }, ports.waiting);
  }
}
