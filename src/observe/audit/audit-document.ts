/**
 * Prints `docs/audit.md` and `docs/audit.schema.json` from the tables, so that the documents cannot say anything else.
 */
import { code, document, table } from '../document.ts';
import { AUDIT_FIELDS, type AuditField, type AuditFieldName } from './audit-fields.ts';
import { AUDIT_RECORDS, type AuditDescription, COMMON_FIELDS, SESSION_FIELDS } from './audit-table.ts';

const INTRODUCTION = `# Audit log

Who did what, in lines for auditors and their programs: apart from the [log](logging.md), which is for operators. \`audit.file\` switches it
on ([configuration](configuration.md#audit)):

\`\`\`yaml configuration
listeners: [{ name: public, port: 21, policy: { requireTls: report, requireProtP: report } }]
backends: [{ name: legacy, host: 10.0.5.20 }]
audit:
  file: /var/log/sallyport/audit.log
  hash: sha256
  onFailure: refuse
  xferlog: /var/log/sallyport/xferlog
\`\`\`

One JSON object per line; the [JSON Schema](audit.schema.json) of this version is printed from the same table as this page. Fields are flat, and a field
without a value is left out. \`audit\` is the kind of a record; with \`file: "-"\` it tells the lines apart from those of the
log, which have \`event\`. A later version may add kinds and fields; those that are here keep their meaning.

Passwords and accounts are never recorded. Names and paths are made printable as in the log: UTF-8 as it is, all else as escapes such as
\`\\x1b\` and \`\\u202e\`, cut after 1024 characters. A line has at most 4096 bytes: of a longer one the longest texts are cut (\`…\`), so that
a pipe takes it in one piece.

## From a failed transfer to its cause

One line is enough. Find it by the name of the file, the address of the client or the user:

\`\`\`sh
grep '"audit":"transfer"' audit.log | grep '/in/report.csv'
\`\`\`

\`outcome\` says whether all arrived, \`cause\` is a row of the [table of errors](errors.md) with its remedy, and \`detail\` says it in words.
\`reply\` is what the client was told, \`backendReply\` what the backend said: where they differ, the gateway knew better. \`bytes\` is what came
through, and \`clientDataEnd\` or \`backendDataEnd\` which side ended it and how. A transfer that could not even begin has
\`command-denied\` in its place.

## Nothing is lost

Each record is written at once, in one piece, to the end of the file. Where that fails (full disk, closed pipe, a slow reader of a named
pipe), records wait in memory, in order, and are written as soon as that is possible. It is tried four times a second, and more often where
only a reader is slow: after 5 ms, then less and less often while the pipe stays full. 16 MiB may wait, half of that only for
\`transfer\` and \`command\`. What is more is lost, and counted: a record \`records-lost\` stands in its place. The log says \`audit-failing\`
(of a slow reader after 250 ms), \`audit-recovered\` and \`audit-records-lost\`; \`sallyport_audit_writable\`, \`sallyport_audit_records_waiting\` and
\`sallyport_audit_records_total\` are the [metrics](metrics.md).

With \`audit.onFailure: refuse\` no transfer starts unrecorded: \`transfer-begun\`, and all that waits before it, must be in the file before the backend hears of the
command. Else the client is told \`451 This transfer cannot be recorded, try again later.\`, the backend nothing, and \`/readyz\` is 503. A
transfer that runs when the disk fills is finished, and its record waits.

Handed to the kernel is not on the disk: a crash of the machine can lose the last seconds. Let the file be on a disk of its own, or send the
lines away.

## Rotation

At each [reload](operations.md#reload) the files are opened anew, in all workers: on SIGHUP (also where the configuration is refused), when a
file has changed, and at \`POST /-/reload\`. This is a configuration of logrotate:

\`\`\`
/var/log/sallyport/audit.log /var/log/sallyport/xferlog {
    daily
    rotate 90
    missingok
    nocreate
    compress
    delaycompress
    sharedscripts
    postrotate
        systemctl kill --kill-whom=main --signal=HUP sallyport.service
    endscript
}
\`\`\`

New files have mode 640. Until then lines go to the renamed file. Where the new file cannot be made, they go on there, and the
log has \`audit-reopen-failed\`.

## Which file it was

\`path\` is absolute. For that the gateway asks the backend with \`PWD\`: after the login and after each change of folder. It is not asked where
no audit log is configured. Links are not followed: \`path\` is the name that the client used. Where the backend does not
tell, or tells what is no path beginning with \`/\`, \`directory\` is \`unknown\` and \`path\` is what the client sent.

What only the backend can work out is not guessed, and marked with \`directory\` \`unknown\`:

- \`..\` behind a name: in \`/link/../secret\` the name may be a link, and the file in yet another folder. \`path\` is the folder and the
  argument, with the \`..\` in it, in xferlog too.
- A name that begins with \`~\`, or, as Windows has it, with \`\\\` or \`C:\\\`: \`path\` is what the client sent.

Deletes, renames, folders that are made or removed, MFMT and SITE have a record \`command\` each; a rename has two, RNFR and RNTO. They are
recorded when the backend has answered: \`onFailure: refuse\` does not hold them up. Old clients set times with MDTM; that has no record.

## xferlog

\`audit.xferlog\` is a second file in the format of wu-ftpd, which ProFTPD and vsftpd write too (xferlog(5)), for programs that read it: one line
for each upload and download whose data was let flow, completed (\`c\`) or not (\`i\`). Listings have none, nor has what the backend
refused at once. Time is local time. In names, blanks and what does not print become \`_\`. \`onFailure\` does not look at this file.`;

/** `docs/audit.md`. */
export function auditMarkdown(): string {
  const records = Object.entries<AuditDescription>(AUDIT_RECORDS);
  const fields = Object.entries<AuditField>(AUDIT_FIELDS);
  return document([
    INTRODUCTION,
    '## Kinds of records',
    table(
      ['`audit`', 'meaning'],
      records.map(([name, { meaning }]) => [code(name), meaning]),
    ),
    '## Fields of each kind',
    `Every record has ${list(COMMON_FIELDS)}; those of a session also ${list(SESSION_FIELDS)}.`,
    table(
      ['`audit`', 'always', 'where there is a value'],
      records.map(([name, { required, optional }]) => [code(name), list(required), list(optional)]),
    ),
    '## Fields',
    table(
      ['field', 'type', 'meaning'],
      fields.map(([name, { type, meaning }]) => [code(name), TYPES[type].words, meaning]),
    ),
  ]);
}

/** `docs/audit.schema.json`: {@link auditJsonSchema} as text, short lists in one line. */
export function auditSchemaText(): string {
  const text = JSON.stringify(auditJsonSchema(), undefined, 2);
  const shorter = text.replace(/^( *"\w+": )\[\s+("[^[\]{}]*")\s+\](,?)$/gm, (whole, key, items, comma) => {
    const line = `${key}[${items.replaceAll(/\s+/g, ' ')}]${comma}`;
    return line.length <= 120 ? line : whole;
  });
  return `${shorter}\n`;
}

/** JSON Schema (draft 2020-12) of one line. */
export function auditJsonSchema(): Record<string, unknown> {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'One line of the audit log of Sallyport',
    oneOf: Object.entries<AuditDescription>(AUDIT_RECORDS).map(([name, row]) => schemaOf(name, row)),
  };
}

const TYPES = {
  text: { words: 'text', schema: { type: 'string' } },
  number: { words: 'number', schema: { type: 'integer', minimum: 0 } },
  flag: { words: 'true or false', schema: { type: 'boolean' } },
} as const;

function schemaOf(name: string, { meaning, required, optional, session }: AuditDescription): object {
  const always = [...COMMON_FIELDS, ...(session ? SESSION_FIELDS : []), ...required];
  const properties = [...always, ...optional].map((field) => [field, propertyOf(field)]);
  return {
    title: name,
    description: meaning,
    type: 'object',
    properties: { ...Object.fromEntries(properties), audit: { const: name } },
    required: always,
    additionalProperties: false,
  };
}

function propertyOf(name: AuditFieldName): object {
  const { type, meaning, values }: AuditField = AUDIT_FIELDS[name];
  return { ...TYPES[type].schema, ...(values && { enum: values }), description: meaning };
}

function list(fields: readonly AuditFieldName[]): string {
  return fields.map(code).join(', ');
}
