/**
 * Errors of the operating system in words.
 */

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
