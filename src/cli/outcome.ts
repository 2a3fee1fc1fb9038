/**
 * How commands end: exit codes, and the error that carries one. Prints nothing.
 */

/** Exit codes of the program. */
export const EXIT = {
  fine: 0,
  /** It was asked for rightly and did not work. */
  failed: 1,
  /** Wrong command line or configuration. */
  usage: 2,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends a command with a message for a person. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** What a person is told of an error that Node raised for a file or a port. */
export function describeSystemError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, address, port, path } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  const where = port === undefined ? (path ?? '') : `port ${port}${address === undefined ? '' : ` on ${address}`}`;
  const text = code === undefined ? undefined : SYSTEM_ERRORS[code];
  return text === undefined || where === '' ? error.message : `${where}: ${text}`;
}

const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'already in use',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'permission denied',
  ENOENT: 'no such file or directory',
  ENOTDIR: 'not a directory',
  EISDIR: 'is a directory',
  EROFS: 'read-only file system',
  ENOSPC: 'no space left',
};
