/**
 * The part of the configuration about the audit log: types, schema, defaults, and whether its files can be written. Pure except for
 * {@link checkAuditFiles}. What is written is in `src/observe/audit/`.
 */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describeSystemError, reasonOf } from '../errors/system-error.ts';
import * as field from './fields.ts';
import type { ConfigProblem } from './problem.ts';
import * as text from './text-fields.ts';

const HASHES = ['off', 'sha256'] as const;
const FAILURES = ['continue', 'refuse'] as const;

/** In place of a path: standard output. */
export const STANDARD_OUTPUT = '-';

/** Where the audit log goes, and what it has. */
export interface AuditConfig {
  /** Path of a file, or {@link STANDARD_OUTPUT}; null: no audit log. */
  readonly file: string | null;
  readonly hash: (typeof HASHES)[number];
  /** What happens to transfers while records cannot be written. */
  readonly onFailure: (typeof FAILURES)[number];
  /** Path of a file in the format of xferlog; null: none. */
  readonly xferlog: string | null;
}

/** The section as a person writes it. */
export const AUDIT = field.section('Audit log: one JSON line for each session, login, transfer and denied command.', {
  file: text.fileOrNull({
    meaning:
      'File that lines are appended to; `"-"` is standard output; null writes none. Relative to the folder of this configuration.',
    default: null,
  }),
  hash: field.choice(HASHES, {
    meaning: '`sha256` adds the SHA-256 of the bytes as they were relayed to the record of each transfer.',
    default: 'off',
  }),
  onFailure: field.choice(FAILURES, {
    meaning:
      'While records cannot be written (full disk, closed pipe): `continue` keeps some until they can, `refuse` also lets no transfer start that is not recorded (451).',
    default: 'continue',
  }),
  xferlog: text.fileOrNull({
    meaning: 'File for a line in the classic format xferlog for each file transferred; null writes none.',
    default: null,
  }),
});

interface Audited {
  readonly audit: AuditConfig;
}

/** What is contradictory. */
export function auditErrors({ audit: { file, hash, onFailure, xferlog } }: Audited): ConfigProblem[] {
  const without = (key: string, found: string) => ({
    path: `audit.${key}`,
    message: `found ${found}, but audit.file is null: no record would have it`,
    related: ['audit.file'],
  });
  return [
    ...(file === null && hash !== 'off' ? [without('hash', hash)] : []),
    ...(file === null && onFailure !== 'continue' ? [without('onFailure', onFailure)] : []),
    ...(xferlog === STANDARD_OUTPUT
      ? [
          {
            path: 'audit.xferlog',
            message: 'found "-", expected the path of a file: it would not be told from the log',
          },
        ]
      : []),
    ...(file !== null && file === xferlog
      ? [{ path: 'audit.xferlog', message: 'expected another file than audit.file', related: ['audit.file'] }]
      : []),
  ];
}

/** The section with paths that `absolute` has resolved. */
export function withAuditPaths(audit: AuditConfig, absolute: (path: string) => string): AuditConfig {
  const { file, xferlog } = audit;
  const isPath = (given: string | null) => given !== null && given !== STANDARD_OUTPUT;
  return {
    ...audit,
    file: file !== null && isPath(file) ? absolute(file) : file,
    xferlog: xferlog !== null && isPath(xferlog) ? absolute(xferlog) : xferlog,
  };
}

/** Whether the files can be appended to, or made; makes none. Never rejects. */
export async function checkAuditFiles({ file, xferlog }: AuditConfig): Promise<ConfigProblem[]> {
  const found = await Promise.all([checkWritable('audit.file', file), checkWritable('audit.xferlog', xferlog)]);
  return found.flat();
}

async function checkWritable(path: string, file: string | null): Promise<ConfigProblem[]> {
  if (file === null || file === STANDARD_OUTPUT) return [];
  try {
    if ((await stat(file)).isDirectory()) return [{ path, message: `${file} is a folder, expected a file` }];
    await access(file, constants.W_OK);
    return [];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') return [{ path, message: `${file} cannot be written: ${reasonOf(error)}` }];
  }
  try {
    await access(dirname(file), constants.W_OK | constants.X_OK);
    return [];
  } catch (error) {
    return [{ path, message: `${file} cannot be made: ${describeSystemError(error)}` }];
  }
}
