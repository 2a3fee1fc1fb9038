/**
 * Every log line of the gateway in one table: its event name, its levels and its fields. What may be written and what
 * `docs/logging.md` says come from here; a field that is not listed does not compile. Knows nothing of how lines are written.
 */
import { AUDIT_EVENTS } from './audit/audit-events.ts';
import { FIELDS, type FieldName } from './log-fields.ts';
import { REPLICATION_EVENTS } from './replication-events.ts';
import { SIDE_PORT_EVENTS } from './side-port-events.ts';

export { FIELDS, type FieldName };

/** Levels that the gateway uses, the quietest first. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** One row of {@link EVENTS}. */
export interface EventDescription {
  readonly levels: readonly [LogLevel, ...LogLevel[]];
  readonly meaning: string;
  /** Its own fields; lines of a session carry {@link SESSION_FIELDS} too. */
  readonly fields: readonly FieldName[];
  /** Whether the line belongs to a session. */
  readonly session: boolean;
}

/** Fields on every line of a session. */
export const SESSION_FIELDS = ['session', 'listener', 'client'] as const satisfies readonly FieldName[];

const ERROR_FIELDS = ['cause', 'detail'] as const;
const TLS_FIELDS = ['tls', 'cipher', 'resumed', 'clientCertificate', 'cleared'] as const;

/** Every event by its name: the value of `event` in its line. */
export const EVENTS = {
  'session-started': {
    levels: ['info'],
    meaning: 'A client connected and was let in.',
    fields: ['mode', 'local', 'proxy'],
    session: true,
  },
  'session-ended': {
    levels: ['info'],
    meaning: 'A session ended, or a client was turned away at the door; `outcome` says why.',
    fields: [
      'outcome',
      'detail',
      'proxy',
      'milliseconds',
      'user',
      'backend',
      'commands',
      'transfers',
      'failedTransfers',
      'bytesUploaded',
      'bytesDownloaded',
      ...TLS_FIELDS,
    ],
    session: true,
  },
  login: {
    levels: ['info', 'warn'],
    meaning: 'A login was answered; `warn` unless it was accepted.',
    fields: ['user', 'backend', 'outcome', 'reply', 'cause', ...TLS_FIELDS],
    session: true,
  },
  'address-banned': {
    levels: ['warn'],
    meaning: 'Too many logins failed from the address of `client`: it is turned away for some time (`limits.ban`).',
    fields: [],
    session: true,
  },
  transfer: {
    levels: ['info', 'warn'],
    meaning: 'A transfer ended; `warn` where it failed.',
    fields: [
      'verb',
      'direction',
      'path',
      'backendPath',
      'user',
      'backend',
      'outcome',
      ...ERROR_FIELDS,
      'reply',
      'bytes',
      'milliseconds',
      'heldBack',
      'clientDataPeer',
      'clientDataLocal',
      'clientDataProtection',
      'clientDataTls',
      'clientDataCipher',
      'clientDataResumed',
      'backendDataPeer',
      'backendDataLocal',
      'backendDataProtection',
      'backendDataTls',
      'backendDataCipher',
      'backendDataResumed',
    ],
    session: true,
  },
  'limit-reached': {
    levels: ['info'],
    meaning:
      'A limit stood against something, or cut a transfer; `detail` is its key. That commands are held back is told once in a session.',
    fields: ['limit', 'scope', 'verb', 'user', ...ERROR_FIELDS, 'delay'],
    session: true,
  },
  'unclean-upload': {
    levels: ['warn'],
    meaning: 'An upload ended without TLS close_notify and was accepted because of `uploadEnd: tolerant`.',
    fields: [],
    session: true,
  },
  'unclean-download': {
    levels: ['warn'],
    meaning:
      'A download from an FTPS backend ended without TLS close_notify and was accepted because of `downloadEnd: tolerant`.',
    fields: ['backend'],
    session: true,
  },
  'data-connection-failed': {
    levels: ['info'],
    meaning: 'A data connection could not be set up or broke, and no transfer line tells of it.',
    fields: ['side', ...ERROR_FIELDS],
    session: true,
  },
  'policy-denied': {
    levels: ['warn'],
    meaning: 'A command broke a rule of the policy, or one of `access` or of the view of its route stands against it.',
    fields: ['rule', 'mode', 'verb', 'path', 'reply', ...ERROR_FIELDS],
    session: true,
  },
  'tls-established': {
    levels: ['debug'],
    meaning: 'A TLS handshake with the client finished.',
    fields: ['channel', ...TLS_FIELDS, 'servername', 'alpn'],
    session: true,
  },
  'tls-failed': {
    levels: ['warn'],
    meaning: 'A TLS handshake with the client failed.',
    fields: ['channel', ...ERROR_FIELDS],
    session: true,
  },
  'control-cleared': {
    levels: ['info'],
    meaning: 'The client gave TLS up on its control connection (CCC); what was in force is told.',
    fields: ['user', 'backend', ...TLS_FIELDS],
    session: true,
  },
  'backend-connected': {
    levels: ['debug'],
    meaning:
      'The control connection to the backend is there and the backend has greeted; with TLS the handshake is done.',
    fields: ['backend', 'milliseconds', 'backendTls', 'backendCipher'],
    session: true,
  },
  'backend-failed': {
    levels: ['warn'],
    meaning: 'The control connection to the backend could not be made, or broke.',
    fields: ['backend', ...ERROR_FIELDS],
    session: true,
  },
  'decision-failed': {
    levels: ['warn'],
    meaning: 'The service of decisionHook gave no usable answer about a login.',
    fields: [...ERROR_FIELDS],
    session: true,
  },
  'unsolicited-reply': {
    levels: ['info'],
    meaning: 'The backend said something that nobody had asked for; it was swallowed.',
    fields: ['backend', 'excerpt'],
    session: true,
  },
  command: {
    levels: ['debug'],
    meaning: 'A command arrived. Its argument is not logged.',
    fields: ['verb'],
    session: true,
  },
  'malformed-command': {
    levels: ['debug'],
    meaning: 'A line arrived that is no command.',
    fields: ['problem', 'excerpt'],
    session: true,
  },
  fault: {
    levels: ['error'],
    meaning: 'A fault in the gateway ended this session; the others go on.',
    fields: [...ERROR_FIELDS, 'stack'],
    session: true,
  },
  'backend-availability': {
    levels: ['info', 'warn'],
    meaning: 'The backend can be used again, or no longer (`warn`, with the failure that was one too many).',
    fields: ['backend', 'availability', ...ERROR_FIELDS],
    session: false,
  },
  'backend-unverified': {
    levels: ['warn'],
    meaning: 'Told at the start: the certificate of this FTPS backend is not verified (`verify: false`).',
    fields: ['backend'],
    session: false,
  },
  'data-connection-unclaimed': {
    levels: ['debug'],
    meaning: 'A connection to a passive port belongs to no session; it was closed.',
    fields: ['port', 'address', 'problem'],
    session: false,
  },
  ...REPLICATION_EVENTS,
  'proxy-header-refused': {
    levels: ['info', 'debug'],
    meaning: 'A connection had no usable PROXY header and was closed; `debug` where it only came and went.',
    fields: ['channel', 'address', 'port', ...ERROR_FIELDS],
    session: false,
  },
  listening: {
    levels: ['info'],
    meaning: 'A listener accepts clients.',
    fields: ['listener', 'mode', 'address', 'port'],
    session: false,
  },
  'accept-failed': {
    levels: ['error'],
    meaning: 'A connection could not be accepted, for example because file descriptors ran out; the listener goes on.',
    fields: ['detail'],
    session: false,
  },
  draining: {
    levels: ['info'],
    meaning: 'The gateway takes no more sessions; running transfers may finish within `deadline`.',
    fields: ['sessions', 'deadline'],
    session: false,
  },
  'config-applied': {
    levels: ['info', 'warn'],
    meaning:
      'A configuration that was read again is in force for sessions that begin now; `warn` where something of it needs a restart (`restartNeeded`).',
    fields: ['trigger', 'restartNeeded'],
    session: false,
  },
  'config-refused': {
    levels: ['error'],
    meaning: 'A configuration that was read again cannot be used; the one before stays in force, whole.',
    fields: ['trigger', 'detail'],
    session: false,
  },
  stopping: {
    levels: ['info'],
    meaning: 'The gateway takes no more clients and says 421 to those it has.',
    fields: ['sessions'],
    session: false,
  },
  stopped: {
    levels: ['info'],
    meaning: 'Every socket is closed.',
    fields: [],
    session: false,
  },
  ...AUDIT_EVENTS,
  'worker-started': {
    levels: ['info'],
    meaning: 'A worker process serves clients.',
    fields: ['worker', 'pid', 'ports'],
    session: false,
  },
  'worker-died': {
    levels: ['error'],
    meaning: 'A worker process died with its sessions; it is replaced after `delay`.',
    fields: ['worker', 'pid', 'code', 'signal', 'detail', 'sessions', 'delay'],
    session: false,
  },
  ...SIDE_PORT_EVENTS,
} as const satisfies Record<string, EventDescription>;

/** A key of {@link EVENTS}. */
export type EventName = keyof typeof EVENTS;

/** Values for the fields of an event; undefined is left out. */
export type FieldsOf<E extends EventName> = {
  readonly [F in (typeof EVENTS)[E]['fields'][number]]?: string | number | boolean | undefined;
};

/** The levels at which an event may be written. */
export type LevelOf<E extends EventName> = (typeof EVENTS)[E]['levels'][number];
