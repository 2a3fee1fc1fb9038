/**
 * The log lines that tell of the audit log itself: a part of the table in `log-table.ts`, which says what the columns mean.
 */

export const AUDIT_EVENTS = {
  'audit-opened': {
    levels: ['info'],
    meaning: 'The audit log, or xferlog, was opened: at the start, and anew at each reload.',
    fields: ['log', 'file'],
    session: false,
  },
  'audit-reopen-failed': {
    levels: ['error'],
    meaning: 'The audit log could not be opened anew; it goes on in the old file, which may have been renamed.',
    fields: ['log', 'file', 'detail'],
    session: false,
  },
  'audit-failing': {
    levels: ['error'],
    meaning:
      'The audit log cannot be written: its records wait, and with `audit.onFailure: refuse` no transfer starts.',
    fields: ['log', 'file', 'detail'],
    session: false,
  },
  'audit-recovered': {
    levels: ['info'],
    meaning: 'The audit log is written again, with all the records that waited.',
    fields: ['log', 'file', 'records', 'lost'],
    session: false,
  },
  'audit-records-lost': {
    levels: ['error'],
    meaning:
      'So many records of the audit log wait that others are lost from now on; or, with `lost`, so many could not be written until the end.',
    fields: ['log', 'file', 'lost'],
    session: false,
  },
} as const;
