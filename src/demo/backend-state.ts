/**
 * What the demo backend remembers of one session, and how failures of the file system become replies. Holds no socket.
 */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readdir } from 'node:fs/promises';
import { type Reply, reply } from '../wire/reply.ts';
import { type Entry, FACTS, type Fact } from './listing.ts';
import { resolvePath, type VirtualRoot } from './virtual-root.ts';

/** State that commands read and change. Paths are absolute FTP paths in Latin-1. */
export interface BackendState {
  readonly root: VirtualRoot;
  directory: string;
  user: string | undefined;
  loggedIn: boolean;
  /** Set by RNFR for the RNTO behind it. */
  renameFrom: string | undefined;
  /** Set by REST for the next RETR or STOR; bytes. */
  restart: number;
  /** Chosen by OPTS MLST. */
  facts: ReadonlySet<Fact>;
}

/** The state of a session that has just begun. */
export function initialState(root: VirtualRoot): BackendState {
  return {
    root,
    directory: '/',
    user: undefined,
    loggedIn: false,
    renameFrom: undefined,
    restart: 0,
    facts: new Set(FACTS),
  };
}

/** The absolute FTP path a command means. */
export function pathOf(state: BackendState, argument: string | undefined): string {
  return resolvePath(state.directory, argument ?? '');
}

/** `"/a ""quoted"" path"` as in 257 (RFC 959 appendix II). */
export function quotedPath(path: string): string {
  return `"${path.replaceAll('"', '""')}"`;
}

/** Opens a regular file; `flags` beside those that keep links, pipes and terminals out. Rejects with Node's own error. */
export async function openFile(state: BackendState, path: string, flags: number): Promise<FileHandle> {
  const location = await state.root.locate(path, 'target');
  const handle = await open(location, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o644);
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw Object.assign(new Error('not a regular file'), { code: 'EISDIR' });
}

/** The entries of a directory in order of their names; of a file, that file alone. Rejects with Node's own error. */
export async function entriesOf(state: BackendState, path: string): Promise<readonly Entry[]> {
  const location = await state.root.locate(path, 'target');
  const facts = await lstat(location);
  if (!facts.isDirectory()) return [entry(path.slice(path.lastIndexOf('/') + 1), facts)];
  const names = (await readdir(location, { encoding: 'buffer' })).sort(Buffer.compare);
  const entries = await Promise.all(
    names.map(async (name) => {
      // Gone since the directory was read: not listed.
      const found = await lstat(Buffer.concat([location, Buffer.from('/'), name])).catch(() => undefined);
      return found && entry(name.toString('latin1'), found);
    }),
  );
  // A line end inside a name cannot be told in a listing.
  return entries.filter((found) => found !== undefined).filter(({ name }) => !/[\r\n]/.test(name));
}

/** The entry a path leads to. Rejects with Node's own error. */
export async function entryOf(state: BackendState, path: string): Promise<Entry> {
  return entry(path, await lstat(await state.root.locate(path, 'target')));
}

/** Rejects as the file system does where the path is no directory. */
export async function requireDirectory(state: BackendState, path: string): Promise<void> {
  const { kind } = await entryOf(state, path);
  if (kind !== 'directory') throw Object.assign(new Error('not a directory'), { code: 'ENOTDIR' });
}

function entry(name: string, facts: Stats): Entry {
  const kind = facts.isDirectory() ? 'directory' : facts.isSymbolicLink() ? 'link' : 'file';
  return { name, kind, size: facts.size, modified: facts.mtime, mode: facts.mode };
}

const FAILURES: Readonly<Record<string, readonly [code: number, text: string]>> = {
  EACCES: [550, 'Permission denied.'],
  EPERM: [550, 'Permission denied.'],
  EROFS: [550, 'Permission denied.'],
  ENOENT: [550, 'No such file or directory.'],
  ENOTDIR: [550, 'Not a directory.'],
  EISDIR: [550, 'Not a regular file.'],
  EEXIST: [550, 'File exists.'],
  ENOTEMPTY: [550, 'Directory not empty.'],
  EBUSY: [550, 'Busy.'],
  ELOOP: [550, 'Too many levels of links.'],
  ENAMETOOLONG: [553, 'File name too long.'],
  ENOSPC: [452, 'No space left.'],
  EDQUOT: [452, 'No space left.'],
};

/** The reply for an error of the file system; others are local errors (451). */
export function failureReply(error: unknown): Reply {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return reply(...(FAILURES[code] ?? ([451, 'Local error in processing.'] as const)));
}
