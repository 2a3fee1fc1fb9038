/**
 * Errors of the operating system in words.
 */

/** What a person is told of an error that Node raised for a file or a port: `[::]:21: already in use`. */
export function describeSystemError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, address, port, path } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  const where = port === undefined ? (path ?? '') : boundTo(address, port);
  const text = code === undefined ? undefined : SYSTEM_ERRORS[code];
  return text === undefined || where === '' ? error.message : `${where}: ${text}`;
}

/** The same without the place, for a text that names it already: `no such file or directory`. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return SYSTEM_ERRORS[(error as NodeJS.ErrnoException).code ?? ''] ?? error.message;
}

/** As endpoints are written everywhere. */
function boundTo(address: string | undefined, port: number): string {
  if (address === undefined) return `port ${port}`;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
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
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'the name is too long',
  EPERM: 'operation not permitted',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files on this machine',
  EIO: 'input or output error',
};
