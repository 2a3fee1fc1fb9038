/**
 * Everything that the side port answers, as shapes: types, schemas and meanings in one place. All of it is plain data, so that
 * it can travel between processes. Texts that a peer had a hand in are printable: control characters are escaped.
 */

import type { ValueOf } from './shape.ts';
import * as shape from './shape.ts';

const worker = shape.orNull(shape.count('Number of the worker process, from 1; null where there is one process.'));

const TLS = shape.object('Tls', 'What was negotiated on a TLS connection.', {
  version: shape.text('`TLSv1.2` or `TLSv1.3`; older ones only towards backends.'),
  cipher: shape.text('Cipher suite, as OpenSSL calls it.'),
  resumed: shape.flag('Whether an earlier TLS session was resumed.'),
  servername: shape.orNull(shape.text('Name that was asked for (SNI).')),
  clientCertificate: shape.orNull(shape.text('Subject of the valid certificate that the client showed.')),
});

const LEG = shape.object('DataConnection', 'One data connection of a transfer.', {
  peer: shape.text('Address and port of its other end.'),
  protection: shape.word(['clear', 'private'], '`private` is TLS.'),
  tls: shape.orNull(TLS),
});

/** A transfer that runs. */
export const TRANSFER = shape.object('Transfer', 'A transfer that runs.', {
  verb: shape.text('The command.'),
  path: shape.orNull(shape.text('As the client sent it.')),
  direction: shape.word(['upload', 'download', 'list'], 'Which way the bytes go.'),
  since: shape.time('When its command came.'),
  milliseconds: shape.count('How long it has run.'),
  bytes: shape.count('Bytes of file data that have arrived so far.'),
  expectedBytes: shape.orNull(
    shape.count(
      'How many it will be, where somebody said so: the backend to `SIZE` or in its 150, or the client with `ALLO`. A hint, no promise.',
    ),
  ),
  bytesPerSecond: shape.count('On average since it began.'),
  clientData: shape.orNull(LEG),
  backendData: shape.orNull(LEG),
});
export type TransferShown = ValueOf<typeof TRANSFER>;

/** A session that is open. */
export const SESSION = shape.object('Session', 'A session that is open.', {
  id: shape.text('The same as in all of its log lines.'),
  worker,
  since: shape.time('When the client connected.'),
  seconds: shape.count('Its age.'),
  listener: shape.text('Name of the listener.'),
  mode: shape.word(['explicit', 'implicit'], 'Mode of the listener.'),
  client: shape.text('Address and port of the client.'),
  local: shape.text('Address and port that it connected to.'),
  proxy: shape.orNull(shape.text('Address and port of the balancer between.')),
  user: shape.orNull(shape.text('Name that it is logged in with; null before.')),
  backend: shape.orNull(shape.text('Name of the backend that it is connected to.')),
  phase: shape.word(['login', 'ready', 'transferring', 'closing'], 'What it is at.'),
  tls: shape.orNull(TLS),
  cleared: shape.flag('Whether the client has given TLS up on its control connection (CCC); `tls` is what it was.'),
  commands: shape.count('Commands so far.'),
  transfers: shape.count('Transfers that have ended.'),
  failedTransfers: shape.count('Those of them that did not complete.'),
  bytesUploaded: shape.count('Bytes of file data from the client, in transfers that have ended.'),
  bytesDownloaded: shape.count('Bytes of file data and listings to the client, in transfers that have ended.'),
  transfer: shape.orNull(TRANSFER),
});
export type SessionShown = ValueOf<typeof SESSION>;

const LAST_FAILURE = shape.object('BackendFailure', 'Why a backend was not usable, the last time.', {
  at: shape.time('When.'),
  code: shape.text('A code of the table of errors.'),
  detail: shape.orNull(shape.text('What happened, in words.')),
});

/** A backend as it stands. */
export const BACKEND = shape.object(
  'Backend',
  'A backend as it stands; with several workers the worst that one of them sees.',
  {
    name: shape.text('Its name.'),
    host: shape.text('Address or name that it is reached at.'),
    port: shape.count('Port that it is reached at.'),
    tls: shape.word(['off', 'explicit', 'implicit'], 'TLS on the control connection to it.'),
    state: shape.word(['up', 'down', 'unknown'], '`unknown` before the first try; `down` is ejected.'),
    drained: shape.flag('Whether new sessions are kept away from it by an operator.'),
    sessions: shape.count('Sessions that hold a connection to it now.'),
    weight: shape.count('Its share of the sessions.'),
    maxSessions: shape.orNull(shape.count('How many sessions it may have; null is no limit.')),
    milliseconds: shape.orNull(shape.count('From dialling it until it could be used, the last time; null before.')),
    lastFailure: shape.orNull(LAST_FAILURE),
  },
);
export type BackendShown = ValueOf<typeof BACKEND>;

/** The passive range of one process. */
export const PASSIVE_SLICE = shape.object('PassivePortSlice', 'The part of the passive range that one process has.', {
  worker,
  ports: shape.text('Such as `50000-50009`.'),
  used: shape.count('Ports with at least one data connection waited for.'),
  free: shape.count('Ports with none.'),
  waiting: shape.count('Data connections that are waited for; several can share a port.'),
});
export type PassiveSliceShown = ValueOf<typeof PASSIVE_SLICE>;

/** A certificate in use. */
export const CERTIFICATE = shape.object('Certificate', 'A certificate that clients are shown.', {
  name: shape.text('Path of its file.'),
  subject: shape.text('Whose it is.'),
  names: shape.list(shape.text('Such as `DNS:ftp.example.com`.'), 'Names that it holds for.'),
  notAfter: shape.time('When it expires.'),
  daysLeft: shape.difference('Whole days until then; less than 0 where it has expired.'),
});
export type CertificateShown = ValueOf<typeof CERTIFICATE>;

const FAILURE_KINDS = ['transfer', 'login', 'tls'] as const;

/** Something that did not work for a client. */
export const FAILURE = shape.object('Failure', 'A transfer, login or TLS handshake that failed.', {
  at: shape.time('When.'),
  kind: shape.word(FAILURE_KINDS, 'What failed.'),
  code: shape.text('A code of the table of errors.'),
  session: shape.text('Session that it happened in.'),
  listener: shape.text('Name of the listener.'),
  client: shape.text('Address and port of the client.'),
  user: shape.orNull(shape.text('Name that was logged in, or tried to.')),
  backend: shape.orNull(shape.text('Name of the backend.')),
  detail: shape.orNull(shape.text('What happened, in words.')),
});
export type FailureShown = ValueOf<typeof FAILURE>;

/** How often something failed. */
export const FAILURE_COUNT = shape.object('FailureCount', 'How often something failed since the process began.', {
  kind: shape.word(FAILURE_KINDS, 'What failed.'),
  code: shape.text('A code of the table of errors.'),
  count: shape.count('How often.'),
  last: shape.time('When it was last.'),
});
export type FailureCountShown = ValueOf<typeof FAILURE_COUNT>;

/** An address that is turned away for failed logins. */
export const BAN = shape.object('Ban', 'An address that is turned away for failed logins.', {
  address: shape.text('An IPv4 address, or an IPv6 network of 64 bits.'),
  until: shape.time('When it ends.'),
  failures: shape.count('Failed logins that began it.'),
});
export type BanShown = ValueOf<typeof BAN>;

const silentWorkers = shape.list(
  shape.count('Number of a worker.'),
  'Workers that did not answer within two seconds and are not in this answer.',
);

/** `GET /sessions`. */
export const SESSIONS = shape.object(
  'Sessions',
  'Sessions that are open: those with a transfer first, then the newest.',
  {
    total: shape.count('How many there are.'),
    sessions: shape.list(SESSION, 'At most `limit` of them.'),
    silentWorkers,
  },
);
export type SessionsShown = ValueOf<typeof SESSIONS>;

/** `GET /backends`. */
export const BACKENDS = shape.object('Backends', 'All backends.', {
  backends: shape.list(BACKEND, 'In the order of the configuration.'),
  silentWorkers,
});
export type BackendsShown = ValueOf<typeof BACKENDS>;

/** `GET /passive-ports`. */
export const PASSIVE_PORTS = shape.object('PassivePorts', 'The passive range.', {
  used: shape.count('Ports with at least one data connection waited for.'),
  free: shape.count('Ports with none.'),
  waiting: shape.count('Data connections that are waited for.'),
  slices: shape.list(PASSIVE_SLICE, 'One for each process that serves clients.'),
  silentWorkers,
});
export type PassivePortsShown = ValueOf<typeof PASSIVE_PORTS>;

/** `GET /certificates`. */
export const CERTIFICATES = shape.object('Certificates', 'Certificates that clients are shown.', {
  certificates: shape.list(CERTIFICATE, 'In the order of the configuration.'),
  silentWorkers,
});
export type CertificatesShown = ValueOf<typeof CERTIFICATES>;

/** `GET /failures`. */
export const FAILURES = shape.object('Failures', 'What did not work for clients.', {
  failures: shape.list(FAILURE, 'The last ones, the newest first.'),
  counts: shape.list(FAILURE_COUNT, 'The most frequent first.'),
  silentWorkers,
});
export type FailuresShown = ValueOf<typeof FAILURES>;

/** `GET /bans`. */
export const BANS = shape.object('Bans', 'All bans that hold now.', {
  bans: shape.list(BAN, 'The one that ends first comes first.'),
});

/** `GET /healthz`. */
export const HEALTH = shape.object('Health', 'The process is alive.', { status: shape.word(['ok'], 'Always this.') });

/** `GET /readyz`. */
export const READINESS = shape.object('Readiness', 'Whether clients can be served.', {
  ready: shape.flag('Whether they can.'),
  reasons: shape.list(shape.text('A sentence.'), 'Why not; empty where they can.'),
  warnings: shape.list(shape.text('A sentence.'), 'What makes nothing unready, and should be looked at.'),
});
export type Readiness = ValueOf<typeof READINESS>;

/** `GET /config`. */
export const CONFIGURATION = shape.anyObject(
  'Configuration',
  'The configuration in force, with all defaults: durations in milliseconds, sizes in bytes, secrets as `****`.',
);

/** `POST /-/reload`. */
export const RELOAD = shape.object('Reload', 'What became of a reload.', {
  outcome: shape.word(['applied', 'refused'], '`refused`: everything stays as it was.'),
  problems: shape.list(shape.text('A line.'), 'What is wrong with the configuration.'),
  warnings: shape.list(shape.text('A line.'), 'What is allowed but doubtful.'),
  restartNeeded: shape.list(shape.text('A key.'), 'Keys whose new values count only after a restart.'),
});
export type ReloadShown = ValueOf<typeof RELOAD>;

/** The answer to a write that was carried out. */
export const DONE = shape.object('Done', 'It was done.', {
  done: shape.text('What.'),
  silentWorkers,
});
export type DoneShown = ValueOf<typeof DONE>;

/** Every refusal. */
export const REFUSAL = shape.object('Refusal', 'Why there is no answer.', {
  error: shape.text('In words.'),
});
