/**
 * Every field of an audit record: its type and its meaning. Fields that log lines have too mean the same there. The records that
 * carry them are in `audit-table.ts`.
 */
import { FIELDS } from '../log-fields.ts';

/** One field. `values`: the only ones that a text may have. */
export interface AuditField {
  readonly type: 'text' | 'number' | 'flag';
  readonly meaning: string;
  readonly values?: readonly string[];
}

const DATA_ENDS = ['close-notify', 'fin', 'reset', 'unproven', 'broken'] as const;
const PROTECTIONS = ['clear', 'private'] as const;

/** How a leg ended; for both sides the same words. */
const DATA_END =
  'how its data connection ended, where that ended the data: of who sends `close-notify` (TLS goodbye), `fin` (cut), `reset`, or `unproven` (in clear nothing tells); of who receives `broken`';

/** Every field. */
export const AUDIT_FIELDS = {
  argument: {
    type: 'text',
    meaning:
      'the path as the client sent it, left out where that is `path` or `clientPath`; of MFMT with its time; of SITE all that followed, or only the first word and `****` where a password could follow',
  },
  audit: { type: 'text', meaning: 'kind of the record; no other line of the gateway has this key' },
  backend: { type: 'text', meaning: FIELDS.backend },
  backendCipher: { type: 'text', meaning: FIELDS.backendCipher },
  backendDataCipher: { type: 'text', meaning: FIELDS.backendDataCipher },
  backendDataEnd: { type: 'text', meaning: `of the backend: ${DATA_END}`, values: DATA_ENDS },
  backendDataLocal: { type: 'text', meaning: FIELDS.backendDataLocal },
  backendDataPeer: { type: 'text', meaning: FIELDS.backendDataPeer },
  backendDataProtection: { type: 'text', meaning: FIELDS.backendDataProtection, values: PROTECTIONS },
  backendDataResumed: { type: 'flag', meaning: FIELDS.backendDataResumed },
  backendDataTls: { type: 'text', meaning: FIELDS.backendDataTls },
  backendLocal: { type: 'text', meaning: "our end of the backend's control connection" },
  backendPeer: { type: 'text', meaning: "the backend's end of its control connection" },
  backendReply: {
    type: 'number',
    meaning: "code of the backend's final reply to the command; left out where none came in time",
  },
  backendTls: { type: 'text', meaning: FIELDS.backendTls },
  began: { type: 'text', meaning: 'when it began, as `time`' },
  bytes: { type: 'number', meaning: FIELDS.bytes },
  bytesDownloaded: { type: 'number', meaning: FIELDS.bytesDownloaded },
  bytesUploaded: { type: 'number', meaning: FIELDS.bytesUploaded },
  cause: { type: 'text', meaning: 'why it did not go well: a code of the table of errors' },
  cipher: { type: 'text', meaning: FIELDS.cipher },
  cleared: { type: 'flag', meaning: FIELDS.cleared },
  client: { type: 'text', meaning: FIELDS.client },
  clientCertificate: { type: 'text', meaning: FIELDS.clientCertificate },
  clientPath: {
    type: 'text',
    meaning: 'the same path as the client sees it, which has a root; else left out',
  },
  clientDataCipher: { type: 'text', meaning: FIELDS.clientDataCipher },
  clientDataEnd: { type: 'text', meaning: `of the client: ${DATA_END}`, values: DATA_ENDS },
  clientDataLocal: { type: 'text', meaning: FIELDS.clientDataLocal },
  clientDataPeer: { type: 'text', meaning: FIELDS.clientDataPeer },
  clientDataProtection: { type: 'text', meaning: FIELDS.clientDataProtection, values: PROTECTIONS },
  clientDataResumed: { type: 'flag', meaning: FIELDS.clientDataResumed },
  clientDataTls: { type: 'text', meaning: FIELDS.clientDataTls },
  commands: { type: 'number', meaning: FIELDS.commands },
  detail: { type: 'text', meaning: FIELDS.detail },
  direction: { type: 'text', meaning: FIELDS.direction, values: ['upload', 'download', 'list'] },
  directory: {
    type: 'text',
    meaning:
      '`unknown` where only the backend knows in which folder the file is: `path` has `..` behind a name that may be a link, or is what the client sent; else left out',
    values: ['unknown'],
  },
  failedTransfers: { type: 'number', meaning: FIELDS.failedTransfers },
  heldBack: { type: 'number', meaning: FIELDS.heldBack },
  listener: { type: 'text', meaning: FIELDS.listener },
  local: { type: 'text', meaning: FIELDS.local },
  milliseconds: { type: 'number', meaning: FIELDS.milliseconds },
  mode: { type: 'text', meaning: 'of the listener: `explicit` or `implicit`', values: ['explicit', 'implicit'] },
  outcome: {
    type: 'text',
    meaning:
      'how it ended: of a session a code of the table of errors; of a login `accepted`, `refused` or `failed`; of a transfer `completed`, `refused` (before any data), `aborted` (the client or an operator wanted it, also by a limit) or `failed`',
  },
  path: {
    type: 'text',
    meaning:
      'absolute path at the backend: the folder that the backend said it is in, and the argument, with `.` and `//` worked out; for a listing without argument that folder; not quite so where `directory` is `unknown`',
  },
  pid: { type: 'number', meaning: 'process id of the gateway, or of its worker' },
  proxy: { type: 'text', meaning: FIELDS.proxy },
  records: { type: 'number', meaning: 'number of records' },
  reply: { type: 'number', meaning: FIELDS.reply },
  restart: { type: 'number', meaning: 'byte at which the transfer began (REST); left out where that is 0' },
  resumed: { type: 'flag', meaning: FIELDS.resumed },
  rule: { type: 'text', meaning: FIELDS.rule },
  session: { type: 'text', meaning: FIELDS.session },
  sha256: {
    type: 'text',
    meaning:
      'SHA-256 of the `bytes` that were relayed, in hexadecimal (`audit.hash`): of the whole file only where the transfer was `completed` and has no `restart`, and as they were on the line (`type`)',
  },
  since: { type: 'text', meaning: 'when the first of them was lost, as `time`' },
  time: { type: 'text', meaning: 'when the record was made: ISO 8601, UTC, milliseconds' },
  tls: { type: 'text', meaning: FIELDS.tls },
  transfers: { type: 'number', meaning: FIELDS.transfers },
  type: {
    type: 'text',
    meaning: 'representation (TYPE): `ascii`, `image`, or `other`; the gateway relays bytes in all of them',
    values: ['ascii', 'image', 'other'],
  },
  user: { type: 'text', meaning: FIELDS.user },
  verb: { type: 'text', meaning: 'the command' },
} as const satisfies Record<string, AuditField>;

/** A key of {@link AUDIT_FIELDS}. */
export type AuditFieldName = keyof typeof AUDIT_FIELDS;
