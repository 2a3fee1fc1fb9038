/**
 * Every log line of the gateway in one table: its event name, its levels and its fields. What may be written and what
 * `docs/logging.md` says come from here; a field that is not listed does not compile. Knows nothing of how lines are written.
 */

/** Levels that the gateway uses, the quietest first. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Every field and its meaning. Fields are flat: text, numbers or booleans; a field without a value is left out. */
export const FIELDS = {
  address: 'address that is listened on, or that a connection without a session came from',
  alpn: 'application protocol that was agreed',
  availability: '`up` or `down`',
  backend: '`name` of the backend',
  backendDataCipher: "cipher suite of the backend's data connection",
  backendDataLocal: "our end of the backend's data connection",
  backendDataPeer: "the backend's end of its data connection",
  backendDataProtection: '`clear` or `private`',
  backendDataResumed: 'whether it resumed a TLS session',
  backendDataTls: "TLS version of the backend's data connection",
  bytes: 'bytes of file data that were relayed',
  bytesDownloaded: 'bytes of file data and listings to the client, in the whole session',
  bytesUploaded: 'bytes of file data from the client, in the whole session',
  cause: 'a code of the table of errors',
  channel: '`control` or `data`',
  cipher: "cipher suite of the client's connection",
  client: 'address and port of the client',
  clientDataCipher: "cipher suite of the client's data connection",
  clientDataLocal: "our end of the client's data connection",
  clientDataPeer: "the client's end of its data connection",
  clientDataProtection: '`clear` or `private`',
  clientDataResumed: 'whether it resumed a TLS session',
  clientDataTls: "TLS version of the client's data connection",
  code: 'exit code of a process',
  commands: 'number of commands in the session',
  delay: 'milliseconds until it is started again',
  detail: "what happened, in words: often the backend's own",
  direction: '`upload`, `download` or `list`',
  excerpt: 'the beginning of what arrived; hidden where it could hold a password',
  failedTransfers: 'number of transfers in the session that did not complete',
  listener: '`name` of the listener',
  local: 'address and port that the client connected to',
  milliseconds: 'how long it took',
  mode: 'of a listener `explicit` or `implicit`; of a rule `enforce` (refused) or `report` (let through)',
  outcome:
    'how it ended: of a session a code of the table of errors; of a login `accepted`, `refused` or `failed`; of a transfer `completed`, `refused`, `aborted` or `failed`',
  path: 'path as the client sent it',
  pid: 'process id',
  port: 'port that is listened on',
  ports: 'ports for data connections',
  problem:
    'what is wrong: with a line, such as `malformed-verb`; with a data connection `unexpected`, `unidentified`, `unproven` or `overload`',
  proxy: 'address and port of the balancer; left out where there is none',
  reply: 'code of the reply that the client was told; left out where it was told nothing',
  resumed: 'whether an earlier TLS session was resumed',
  rule: '`requireTls` or `requireProtP`',
  servername: 'server name that the client asked for (SNI)',
  session: 'identifier of the session: the same on all of its lines',
  sessions: 'number of sessions',
  side: '`client` or `backend`',
  signal: 'signal that ended a process',
  stack: 'stack of the fault and of its causes',
  tls: "TLS version of the client's connection; left out where it is in clear",
  transfers: 'number of transfers in the session',
  user: 'user name as the client sent it',
  verb: 'the command; `other` where an unknown command arrived before login, as it could be a password',
  worker: 'number of a worker process, from 1; on every line of a worker',
} as const;

/** A key of {@link FIELDS}. */
export type FieldName = keyof typeof FIELDS;

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
const TLS_FIELDS = ['tls', 'cipher', 'resumed'] as const;

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
  transfer: {
    levels: ['info', 'warn'],
    meaning: 'A transfer ended; `warn` where it failed.',
    fields: [
      'verb',
      'direction',
      'path',
      'user',
      'backend',
      'outcome',
      ...ERROR_FIELDS,
      'reply',
      'bytes',
      'milliseconds',
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
  'unclean-upload': {
    levels: ['warn'],
    meaning: 'An upload ended without TLS close_notify and was accepted because of `uploadEnd: tolerant`.',
    fields: [],
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
    meaning: 'A command broke a rule of the policy.',
    fields: ['rule', 'mode', 'verb'],
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
  'backend-connected': {
    levels: ['debug'],
    meaning: 'The control connection to the backend is there and the backend has greeted.',
    fields: ['backend', 'milliseconds'],
    session: true,
  },
  'backend-failed': {
    levels: ['warn'],
    meaning: 'The control connection to the backend could not be made, or broke.',
    fields: ['backend', ...ERROR_FIELDS],
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
    meaning: 'The backend can be reached again, or no longer (`warn`).',
    fields: ['backend', 'availability'],
    session: false,
  },
  'data-connection-unclaimed': {
    levels: ['debug'],
    meaning: 'A connection to a passive port belongs to no session; it was closed.',
    fields: ['port', 'address', 'problem'],
    session: false,
  },
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
  'side-port-listening': {
    levels: ['info'],
    meaning: 'The side port answers health checks and metrics.',
    fields: ['address', 'port'],
    session: false,
  },
  'side-port-fault': {
    levels: ['error'],
    meaning: 'A request to the side port could not be answered.',
    fields: ['detail', 'stack'],
    session: false,
  },
} as const satisfies Record<string, EventDescription>;

/** A key of {@link EVENTS}. */
export type EventName = keyof typeof EVENTS;

/** Values for the fields of an event; undefined is left out. */
export type FieldsOf<E extends EventName> = {
  readonly [F in (typeof EVENTS)[E]['fields'][number]]?: string | number | boolean | undefined;
};

/** The levels at which an event may be written. */
export type LevelOf<E extends EventName> = (typeof EVENTS)[E]['levels'][number];
