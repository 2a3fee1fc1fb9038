/**
 * Every metric of the gateway in one table, with the labels that it may carry: what is registered, what is recorded and
 * what `docs/metrics.md` says all come from here. Pure data: knows neither the registry nor who records.
 */

/** Prefix of every name in {@link METRICS}. */
export const METRIC_PREFIX = 'sallyport_';

/**
 * Every label and its values. The values come from the configuration or from short lists in the code: a label never
 * carries a user name, a path or an address, so that neither secrets nor endless series end up in the metrics.
 */
export const LABELS = {
  listener: '`name` of a listener in the configuration',
  backend: '`name` of a backend in the configuration; for logins `-` where no route leads to one',
  name: 'name of a certificate, as the configuration says it',
  version: 'a version: of the gateway, or of TLS (`TLSv1.2`, `TLSv1.3`)',
  outcome:
    'how it ended: for PROXY headers `accepted`, `local` (a health check) or a code of the table of errors; for sessions a code of the table of errors; for logins `accepted`, `refused` or `failed`; for transfers `completed`, `refused`, `aborted` or `failed`; for reloads `applied` or `refused`; for audit records `written`, `delayed` (written later than they were made) or `lost`; for data connections that are handed over `completed`, `reset`, `stalled`, `failed` (the other replica could not be connected to) or `overload`, and where they arrive `accepted` or `forged`',
  cause: 'a code of the table of errors',
  reason: 'a code of the table of errors',
  verb: 'a command that the gateway knows; every other one is `other`',
  problem:
    'what is wrong: with a command line, such as `malformed-verb`; with a request to the side port, such as `wrong-token`',
  direction: '`upload`, `download` or `list`; of a bandwidth `up` or `down`',
  side: '`client` or `backend`',
  channel: '`control` or `data`',
  resumed: '`true` where an earlier TLS session was resumed, else `false`',
  rule: '`requireTls` or `requireProtP`',
  mode: '`enforce` (refused) or `report` (let through)',
  worker: 'number of a worker process, from 1; only where the configuration has several `workers`',
  state: '`free` or `waiting` (for the data connection of a client)',
  limit:
    'key of the limit: `sessions`, `transfers`, `uploadSize`, `bytesUp`, `bytesDown`, `filesUp`, `filesDown`, `commandRate` or `loginRate`',
  scope: 'for whom the limit counts: `total`, `address`, `user`, `route` or `session`',
  log: '`audit` or `xferlog`; only where it is configured',
  replica: 'number of a replica, from 0; only where the configuration has several (`replication`)',
  way: '`sent` (to the replica that has the session) or `received`',
} as const;

/** A label of {@link LABELS}. */
export type LabelName = keyof typeof LABELS;

/** One row of {@link METRICS}. */
export interface MetricDescription {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** One sentence; shown as `# HELP` and in the documentation. */
  readonly help: string;
  readonly labels: readonly LabelName[];
  /** How the gauges of several workers become one; counters and histograms are summed. Default `sum`. */
  readonly together?: 'sum' | 'min' | 'first';
  /** Upper bounds of a histogram, in its unit. */
  readonly buckets?: readonly number[];
}

/** Every metric by its name without {@link METRIC_PREFIX}. Base units; counters end in `_total`. */
export const METRICS = {
  build_info: {
    kind: 'gauge',
    help: 'Always 1; its label says which version runs.',
    labels: ['version'],
    together: 'first',
  },
  draining: {
    kind: 'gauge',
    help: '1 while the gateway takes no more sessions because it is about to end.',
    labels: [],
  },
  config_reloads_total: {
    kind: 'counter',
    help: 'Configurations that were read again, by what came of it.',
    labels: ['outcome'],
  },
  config_last_reload_successful: {
    kind: 'gauge',
    help: '1 where the configuration that was read last is in force, 0 where it was refused and the one before goes on.',
    labels: [],
    together: 'first',
  },
  config_last_reload_timestamp_seconds: {
    kind: 'gauge',
    help: 'When a configuration was put in force last; at first when the process started.',
    labels: [],
    together: 'first',
  },
  sessions_active: { kind: 'gauge', help: 'Sessions that are open now.', labels: ['listener'] },
  sessions_total: {
    kind: 'counter',
    help: 'Sessions that ended, or were refused at the door, by the reason of their end.',
    labels: ['listener', 'outcome'],
  },
  proxy_headers_total: {
    kind: 'counter',
    help: 'Connections that had to begin with a PROXY header, by what became of it.',
    labels: ['channel', 'outcome'],
  },
  logins_total: { kind: 'counter', help: 'Logins that were answered.', labels: ['backend', 'outcome'] },
  bans_total: { kind: 'counter', help: 'Bans of addresses that began, for failed logins.', labels: [] },
  commands_total: { kind: 'counter', help: 'Commands of clients.', labels: ['verb'] },
  malformed_commands_total: {
    kind: 'counter',
    help: 'Command lines of clients that are no command.',
    labels: ['problem'],
  },
  transfers_total: {
    kind: 'counter',
    help: 'Transfers that ended.',
    labels: ['direction', 'backend', 'outcome'],
  },
  transfer_failures_total: {
    kind: 'counter',
    help: 'Transfers that did not complete, by cause.',
    labels: ['direction', 'backend', 'cause'],
  },
  transfer_bytes_total: {
    kind: 'counter',
    help: 'Bytes of file data that were relayed, in transfers of every outcome.',
    labels: ['direction', 'backend'],
  },
  transfer_duration_seconds: {
    kind: 'histogram',
    help: 'Time from the transfer command to its last reply.',
    labels: ['direction', 'outcome'],
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600],
  },
  data_connection_failures_total: {
    kind: 'counter',
    help: 'Data connections that could not be set up or broke.',
    labels: ['side', 'cause'],
  },
  unclaimed_data_connections_total: {
    kind: 'counter',
    help: 'Connections to a passive port that belong to no session; they are closed.',
    labels: ['cause'],
  },
  decision_failures_total: {
    kind: 'counter',
    help: 'Logins about which the service of `decisionHook` gave no usable answer.',
    labels: [],
  },
  unclean_uploads_total: {
    kind: 'counter',
    help: 'Uploads that ended without TLS close_notify and were accepted because of `uploadEnd: tolerant`.',
    labels: ['listener'],
  },
  unclean_downloads_total: {
    kind: 'counter',
    help: 'Downloads from FTPS backends that ended without TLS close_notify and were accepted because of `downloadEnd: tolerant`.',
    labels: ['backend'],
  },
  tls_handshakes_total: {
    kind: 'counter',
    help: 'TLS handshakes that succeeded.',
    labels: ['side', 'channel', 'version', 'resumed'],
  },
  tls_handshake_failures_total: { kind: 'counter', help: 'TLS handshakes that failed.', labels: ['side', 'reason'] },
  cleared_sessions_total: {
    kind: 'counter',
    help: 'Sessions whose client gave TLS up on its control connection (CCC).',
    labels: ['listener'],
  },
  policy_denials_total: {
    kind: 'counter',
    help: 'Commands that broke a rule of the policy, or that an access rule or the view of a route stands against. `rule` is the name of the rule.',
    labels: ['rule', 'mode'],
  },
  limits_reached_total: {
    kind: 'counter',
    help: 'How often a limit stood against something, or held a command back.',
    labels: ['limit', 'scope'],
  },
  bandwidth_wait_seconds_total: {
    kind: 'counter',
    help: 'Time that transfers that have ended were held back by a limit of bandwidth.',
    labels: ['direction', 'scope'],
  },
  passive_ports: { kind: 'gauge', help: 'Ports of the passive range.', labels: ['state'] },
  backend_up: {
    kind: 'gauge',
    help: '1 where the backend can be used, 0 where it is ejected.',
    labels: ['backend'],
    together: 'min',
  },
  backend_drained: {
    kind: 'gauge',
    help: '1 where an operator keeps new sessions away from the backend, else 0.',
    labels: ['backend'],
    together: 'first',
  },
  backend_unverified: {
    kind: 'gauge',
    help: '1 where the certificate of an FTPS backend is not verified (`verify: false`), else 0.',
    labels: ['backend'],
    together: 'first',
  },
  backend_ejections_total: {
    kind: 'counter',
    help: 'How often a backend went down: it failed `health.failures` times in a row.',
    labels: ['backend'],
  },
  backend_sessions_active: {
    kind: 'gauge',
    help: 'Sessions that hold a connection to the backend now.',
    labels: ['backend'],
  },
  backend_connect_seconds: {
    kind: 'histogram',
    help: 'Time from dialling a backend until it has greeted and TLS is in force.',
    labels: ['backend'],
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30],
  },
  backend_failures_total: {
    kind: 'counter',
    help: 'Control connections to a backend that could not be made, or broke.',
    labels: ['backend', 'cause'],
  },
  unsolicited_replies_total: {
    kind: 'counter',
    help: 'Replies of a backend that belong to no command; they are swallowed.',
    labels: ['backend'],
  },
  certificate_expiry_timestamp_seconds: {
    kind: 'gauge',
    help: 'When a certificate of the gateway expires, in seconds since 1970.',
    labels: ['name'],
    together: 'min',
  },
  side_port_denials_total: {
    kind: 'counter',
    help: 'Requests to the side port that were not allowed.',
    labels: ['problem'],
  },
  internal_errors_total: {
    kind: 'counter',
    help: 'Faults in the gateway that ended a session; each has a log line with its stack.',
    labels: [],
  },
  audit_records_total: {
    kind: 'counter',
    help: 'Records of the audit log, and lines of xferlog, by what became of them.',
    labels: ['log', 'outcome'],
  },
  audit_records_waiting: {
    kind: 'gauge',
    help: 'Records that cannot be written now and wait.',
    labels: ['log'],
  },
  audit_writable: {
    kind: 'gauge',
    help: '1 where the audit log can be written, 0 while that fails.',
    labels: ['log'],
    together: 'min',
  },
  replica_up: {
    kind: 'gauge',
    help: '1 where this replica can ask another one about data connections, else 0.',
    labels: ['replica'],
  },
  replica_link_failures_total: {
    kind: 'counter',
    help: 'Connections between replicas that could not be made, were refused, or broke.',
    labels: ['cause'],
  },
  handed_over_data_connections_total: {
    kind: 'counter',
    help: 'Data connections that came to one replica and belong to another.',
    labels: ['way', 'outcome'],
  },
  handed_over_data_bytes_total: {
    kind: 'counter',
    help: 'Bytes that went through this replica to and from another one, in both directions.',
    labels: [],
  },
  worker_up: { kind: 'gauge', help: '1 where a worker serves clients, 0 while it is replaced.', labels: ['worker'] },
  worker_sessions_active: { kind: 'gauge', help: 'Sessions that are open now, by worker.', labels: ['worker'] },
  worker_restarts_total: {
    kind: 'counter',
    help: 'Workers that died and were replaced.',
    labels: ['worker'],
  },
} as const satisfies Record<string, MetricDescription>;

/** A key of {@link METRICS}. */
export type MetricName = keyof typeof METRICS;

/** The names of metrics of one kind. */
export type MetricNameOf<K extends MetricDescription['kind']> = {
  [N in MetricName]: (typeof METRICS)[N]['kind'] extends K ? N : never;
}[MetricName];

/** Exactly the labels that a metric carries. */
export type LabelsOf<N extends MetricName> = Readonly<Record<(typeof METRICS)[N]['labels'][number], string>>;
