/**
 * Records the metrics of one gateway, one method per event, so that nobody else needs to know names and labels. Knows nothing of HTTP
 * and of logs.
 */
import type { ErrorCode } from '../errors/errors.ts';
import type { TlsFacts } from '../tls/facts.ts';
import type {
  AuditState,
  Channel,
  LimitName,
  LimitScope,
  LoginOutcome,
  PassivePorts,
  PolicyRule,
  Side,
  TransferMeasures,
} from './measures.ts';
import { MetricRegistry, type MetricsSnapshot } from './metric-registry.ts';

export type * from './measures.ts';
export type { MetricsSnapshot };

/** The metrics of one gateway; several can live in one process. */
export class Metrics extends MetricRegistry {
  #readPassivePorts: (() => PassivePorts) | undefined;
  #readAudit: (() => AuditState) | undefined;

  constructor(options: { readonly version: string }) {
    super();
    this.set('build_info', { version: options.version }, 1);
  }

  /** Everything in the Prometheus text format, read now. */
  render(): Promise<string> {
    this.#update();
    return this.text();
  }

  /** Everything as data, read now; `renderTogether` makes one text of several. */
  snapshot(): Promise<MetricsSnapshot> {
    this.#update();
    return this.values();
  }

  /** A client was let in. Its end must be told through {@link sessionEnded}. */
  sessionAccepted(listener: string): void {
    this.add('sessions_active', { listener }, 1);
  }

  /** A session that was told through {@link sessionAccepted} ended. */
  sessionEnded(listener: string, code: ErrorCode): void {
    this.add('sessions_active', { listener }, -1);
    this.count('sessions_total', { listener, outcome: code });
  }

  /** A client was turned away at the door, before it had a session. */
  sessionRefused(listener: string, code: ErrorCode): void {
    this.count('sessions_total', { listener, outcome: code });
    if (code === 'too-many-sessions') this.limitReached('sessions', 'total');
    if (code === 'too-many-sessions-per-address') this.limitReached('sessions', 'address');
  }

  /** A limit stood against something, or held it back. */
  limitReached(limit: LimitName, scope: LimitScope): void {
    this.count('limits_reached_total', { limit, scope });
  }

  /** A transfer that has ended was held back by a bandwidth for so long. */
  bandwidthWaited(direction: 'up' | 'down', scope: LimitScope, seconds: number): void {
    this.count('bandwidth_wait_seconds_total', { direction, scope }, seconds);
  }

  /** A connection that had to begin with a PROXY header was accepted, was a health check (`local`), or was closed. */
  proxyHeader(channel: Channel, outcome: 'accepted' | 'local' | ErrorCode): void {
    this.count('proxy_headers_total', { channel, outcome });
  }

  loginFinished(backend: string, outcome: LoginOutcome): void {
    this.count('logins_total', { backend, outcome });
  }

  /** An address was banned. */
  addressBanned(): void {
    this.count('bans_total', {});
  }

  /** The operator's service gave no usable answer about a login. */
  decisionFailed(): void {
    this.count('decision_failures_total', {});
  }

  /** A command arrived. `verb` is one of the known verbs, or `other`: never what a client sent. */
  command(verb: string): void {
    this.count('commands_total', { verb });
  }

  /** A line arrived that is no command. `problem` is one of our own words, never a part of the line. */
  malformedCommand(problem: string): void {
    this.count('malformed_commands_total', { problem });
  }

  transferFinished({ direction, backend, outcome, cause, bytes, seconds }: TransferMeasures): void {
    this.count('transfers_total', { direction, backend, outcome });
    if (cause !== undefined) this.count('transfer_failures_total', { direction, backend, cause });
    this.count('transfer_bytes_total', { direction, backend }, bytes);
    this.observe('transfer_duration_seconds', { direction, outcome }, seconds);
  }

  dataConnectionFailed(side: Side, cause: ErrorCode): void {
    this.count('data_connection_failures_total', { side, cause });
  }

  /** A connection to a passive port found no session. */
  unclaimedDataConnection(cause: string): void {
    this.count('unclaimed_data_connections_total', { cause });
  }

  /** An upload without close_notify was accepted because of `uploadEnd: tolerant`. */
  uncleanUpload(listener: string): void {
    this.count('unclean_uploads_total', { listener });
  }

  /** A download without close_notify of the backend was accepted because of `downloadEnd: tolerant`. */
  uncleanDownload(backend: string): void {
    this.count('unclean_downloads_total', { backend });
  }

  tlsHandshakeFinished(side: Side, channel: Channel, facts: TlsFacts): void {
    const { version, resumed } = facts;
    this.count('tls_handshakes_total', { side, channel, version, resumed: String(resumed) });
  }

  tlsHandshakeFailed(side: Side, reason: ErrorCode): void {
    this.count('tls_handshake_failures_total', { side, reason });
  }

  /** A client gave up TLS on its control connection. */
  controlCleared(listener: string): void {
    this.count('cleared_sessions_total', { listener });
  }

  policyDenied(rule: PolicyRule, mode: 'enforce' | 'report'): void {
    this.count('policy_denials_total', { rule, mode });
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
    this.count('audit_records_total', { log, outcome }, records);
  }

  backendConnected(backend: string, seconds: number): void {
    this.observe('backend_connect_seconds', { backend }, seconds);
  }

  backendFailed(backend: string, cause: ErrorCode): void {
    this.count('backend_failures_total', { backend, cause });
  }

  backendUp(backend: string, up: boolean): void {
    this.set('backend_up', { backend }, up ? 1 : 0);
  }

  /** An FTPS backend is there whose certificate is verified, or not. */
  backendUnverified(backend: string, unverified: boolean): void {
    this.set('backend_unverified', { backend }, unverified ? 1 : 0);
  }

  /** An operator keeps new sessions away from a backend, or no longer. */
  backendDrained(backend: string, drained: boolean): void {
    this.set('backend_drained', { backend }, drained ? 1 : 0);
  }

  /** A backend went down. */
  backendEjected(backend: string): void {
    this.count('backend_ejections_total', { backend });
  }

  /** So many more sessions hold a link to a backend. */
  backendSessions(backend: string, by: number): void {
    this.add('backend_sessions_active', { backend }, by);
  }

  /** This backend is configured: it has series from now on. */
  backendConfigured(backend: string): void {
    this.count('backend_ejections_total', { backend }, 0);
    this.backendSessions(backend, 0);
  }

  /** This backend is not configured any more. Sessions that it still has are counted on. */
  backendGone(backend: string): void {
    const gauges = ['backend_up', 'backend_unverified', 'backend_drained'] as const;
    for (const name of gauges) this.remove(name, { backend });
  }

  unsolicitedReply(backend: string): void {
    this.count('unsolicited_replies_total', { backend });
  }

  /** A configuration was read: the first one, or another time. */
  configurationRead(outcome: 'first' | 'applied' | 'refused'): void {
    this.set('config_last_reload_successful', {}, outcome === 'refused' ? 0 : 1);
    if (outcome !== 'refused') this.set('config_last_reload_timestamp_seconds', {}, Date.now() / 1000);
    if (outcome !== 'first') this.count('config_reloads_total', { outcome });
  }

  /** No more sessions are taken. */
  draining(): void {
    this.set('draining', {}, 1);
  }

  /** The certificates in use, in place of those before. */
  certificates(inUse: readonly { readonly name: string; readonly notAfter: Date }[]): void {
    this.reset('certificate_expiry_timestamp_seconds');
    for (const { name, notAfter } of inUse) {
      this.set('certificate_expiry_timestamp_seconds', { name }, notAfter.getTime() / 1000);
    }
  }

  /** A worker process serves clients, or no longer. */
  workerUp(worker: number, up: boolean): void {
    this.set('worker_up', { worker: String(worker) }, up ? 1 : 0);
    this.count('worker_restarts_total', { worker: String(worker) }, 0);
  }

  /** A worker process died and is replaced. */
  workerRestarted(worker: number): void {
    this.count('worker_restarts_total', { worker: String(worker) });
  }

  /** How many sessions a worker process has now. */
  workerSessions(worker: number, sessions: number): void {
    this.set('worker_sessions_active', { worker: String(worker) }, sessions);
  }

  /** Another replica can be asked, or not. */
  replicaUp(replica: number, up: boolean): void {
    this.set('replica_up', { replica: String(replica) }, up ? 1 : 0);
  }

  /** A connection between replicas could not be made, or broke. */
  replicaLinkFailed(cause: ErrorCode): void {
    this.count('replica_link_failures_total', { cause });
  }

  /** A data connection went to another replica, or came from one. `bytes` are those that went through this one, both ways. */
  handedOver(way: 'sent' | 'received', outcome: string, bytes: number): void {
    this.count('handed_over_data_connections_total', { way, outcome });
    this.count('handed_over_data_bytes_total', {}, bytes);
  }

  /** A request to the side port was not allowed. `problem` is one of our own words. */
  sidePortDenied(problem: string): void {
    this.count('side_port_denials_total', { problem });
  }

  /** A fault of ours ended a session. */
  internalError(): void {
    this.count('internal_errors_total', {});
  }

  #update(): void {
    for (const [log, state] of Object.entries(this.#readAudit?.() ?? {})) {
      if (state === undefined) continue;
      this.set('audit_writable', { log }, state.writable ? 1 : 0);
      this.set('audit_records_waiting', { log }, state.waiting);
    }
    const ports = this.#readPassivePorts?.();
    if (ports === undefined) return;
    this.set('passive_ports', { state: 'free' }, ports.free);
    this.set('passive_ports', { state: 'waiting' }, ports.waiting);
  }
}
