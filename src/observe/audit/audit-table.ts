/**
 * Every kind of audit record in one table: what it says and which fields it has. What can be written, `docs/audit.md` and
 * `docs/audit.schema.json` all come from here. Knows nothing of how records are written.
 */
import type { AUDIT_FIELDS, AuditFieldName } from './audit-fields.ts';

/** One row of {@link AUDIT_RECORDS}. */
export interface AuditDescription {
  readonly meaning: string;
  /** Fields that are always there, beside {@link COMMON_FIELDS} and {@link SESSION_FIELDS}. */
  readonly required: readonly AuditFieldName[];
  /** Fields that are there where they have a value. */
  readonly optional: readonly AuditFieldName[];
  /** Whether it belongs to a session. */
  readonly session: boolean;
}

/** Fields of every record, in the order in which they are written first. */
export const COMMON_FIELDS = ['time', 'audit'] as const satisfies readonly AuditFieldName[];

/** Fields of every record of a session: where it came from. */
export const SESSION_FIELDS = ['session', 'listener', 'client'] as const satisfies readonly AuditFieldName[];

/** Who it is: `proxy`, and what TLS and the certificate say of the control connection. */
const WHO = ['proxy', 'tls', 'cipher', 'resumed', 'clientCertificate', 'cleared'] as const;
/** The control connection of the backend. */
const BACKEND_CONTROL = ['backendPeer', 'backendLocal', 'backendTls', 'backendCipher'] as const;
const PATH = ['path', 'clientPath', 'argument', 'directory'] as const;
const CLIENT_LEG = [
  'clientDataPeer',
  'clientDataLocal',
  'clientDataProtection',
  'clientDataTls',
  'clientDataCipher',
  'clientDataResumed',
  'clientDataEnd',
] as const;
const BACKEND_LEG = [
  'backendDataPeer',
  'backendDataLocal',
  'backendDataProtection',
  'backendDataTls',
  'backendDataCipher',
  'backendDataResumed',
  'backendDataEnd',
] as const;

/** Every kind by its name: the value of `audit`. */
export const AUDIT_RECORDS = {
  'log-opened': {
    meaning: 'The gateway, or one of its workers, has opened the file: at the start, and anew at each reload.',
    required: ['pid'],
    optional: [],
    session: false,
  },
  'log-closed': {
    meaning: 'It ends; no record of it comes behind this one.',
    required: ['pid'],
    optional: [],
    session: false,
  },
  'records-lost': {
    meaning: 'Records belong here that could not be written, and were too many to be kept.',
    required: ['pid', 'records', 'since'],
    optional: [],
    session: false,
  },
  'session-begun': {
    meaning: 'A client connected and was let in.',
    required: ['mode', 'local'],
    optional: [...WHO],
    session: true,
  },
  login: {
    meaning: 'A login was answered.',
    required: ['user', 'backend', 'outcome'],
    optional: [...WHO, 'reply', 'cause', ...BACKEND_CONTROL],
    session: true,
  },
  'control-cleared': {
    meaning: 'The client gave TLS up on its control connection (CCC); data connections keep it.',
    required: ['user', 'backend'],
    optional: [...WHO],
    session: true,
  },
  'transfer-begun': {
    meaning:
      'A transfer is about to begin; only where `audit.onFailure` is `refuse`. The command is forwarded after this record was written, and not otherwise.',
    required: ['user', 'backend', 'verb', 'direction'],
    optional: [...WHO, ...BACKEND_CONTROL, ...PATH, 'restart', 'type'],
    session: true,
  },
  transfer: {
    meaning: 'A transfer ended, well or not: from the command that was taken on to its last reply.',
    required: ['user', 'backend', 'verb', 'direction', 'outcome', 'bytes', 'began', 'milliseconds'],
    optional: [
      ...WHO,
      ...BACKEND_CONTROL,
      ...PATH,
      'restart',
      'type',
      'heldBack',
      'sha256',
      'cause',
      'detail',
      'reply',
      'backendReply',
      ...CLIENT_LEG,
      ...BACKEND_LEG,
    ],
    session: true,
  },
  command: {
    meaning:
      'A command went to the backend that changes something there beside transfers: DELE, RNFR, RNTO, MKD, RMD, MFMT, MDTM with a time, SITE. Whether it was done says `backendReply`.',
    required: ['user', 'backend', 'verb'],
    optional: [...WHO, ...BACKEND_CONTROL, ...PATH, 'backendReply'],
    session: true,
  },
  'command-denied': {
    meaning:
      'The gateway itself refused a command: by a `rule`, or because it cannot or must not be carried out (`cause`). The backend heard nothing of it.',
    required: ['verb', 'cause', 'reply'],
    optional: [...WHO, 'user', 'backend', 'rule', 'detail', ...PATH],
    session: true,
  },
  'policy-report': {
    meaning: 'A command broke a rule that is only reported, and was let through.',
    required: ['verb', 'rule'],
    optional: [...WHO, 'user', 'backend'],
    session: true,
  },
  'session-ended': {
    meaning: 'A session ended; or a client was turned away at the door, then without `session-begun`.',
    required: [
      'outcome',
      'milliseconds',
      'commands',
      'transfers',
      'failedTransfers',
      'bytesUploaded',
      'bytesDownloaded',
    ],
    optional: [...WHO, 'detail', 'user', 'backend'],
    session: true,
  },
} as const satisfies Record<string, AuditDescription>;

/** A key of {@link AUDIT_RECORDS}. */
export type AuditKind = keyof typeof AUDIT_RECORDS;

type Fields = typeof AUDIT_FIELDS;
type ValueOf<F extends AuditFieldName> = Fields[F]['type'] extends 'number'
  ? number
  : Fields[F]['type'] extends 'flag'
    ? boolean
    : Fields[F] extends { readonly values: readonly (infer V)[] }
      ? V
      : string;

/** The own fields of a record of this kind. */
export type AuditRecord<K extends AuditKind> = {
  readonly [F in (typeof AUDIT_RECORDS)[K]['required'][number]]: ValueOf<F>;
} & {
  readonly [F in (typeof AUDIT_RECORDS)[K]['optional'][number]]?: ValueOf<F> | undefined;
};

/** What every record of a session begins with. */
export type SessionOf = { readonly [F in (typeof SESSION_FIELDS)[number]]: ValueOf<F> };

/** Kinds of records of a session. */
export type SessionKind = {
  [K in AuditKind]: (typeof AUDIT_RECORDS)[K]['session'] extends true ? K : never;
}[AuditKind];

/** A record as one line with its end: JSON without what is undefined; at most {@link MAX_LINE} bytes. */
export function auditLine<K extends AuditKind>(kind: K, record: AuditRecord<K>, at: Date, session?: SessionOf): string {
  const whole = { time: at.toISOString(), audit: kind, ...session, ...record };
  let line = `${JSON.stringify(whole)}\n`;
  for (const most of SHORTER) {
    if (Buffer.byteLength(line) <= MAX_LINE) break;
    line = `${JSON.stringify(whole, (_key, value) => shortened(value, most))}\n`;
  }
  return line;
}

/** What a pipe takes in one piece (PIPE_BUF on Linux): several workers may write to one. */
export const MAX_LINE = 4096;
/** Lengths to which texts are cut, one after the other, until the line is short enough. */
const SHORTER = [768, 512, 256, 128, 64, 32] as const;

function shortened(value: unknown, most: number): unknown {
  return typeof value === 'string' && value.length > most ? `${value.slice(0, most - 1)}…` : value;
}
