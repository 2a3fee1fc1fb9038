/**
 * Maps FTP paths to files below one folder, and nowhere else: neither `..` nor symbolic links lead out of it.
 * FTP paths are Latin-1 strings with one character per byte, file paths are Buffers, so that names in any encoding survive.
 */
import { realpath } from 'node:fs/promises';

const SLASH = Buffer.from('/');

/** What a path means: the entry itself (to delete or rename a link), or what it leads to. */
export type Meaning = 'entry' | 'target';

/** A path that leads out of the folder. Looks like a permission error to whoever asks. */
export class OutsideRootError extends Error {
  override readonly name = 'OutsideRootError';
  readonly code = 'EACCES';
}

/** The absolute FTP path that `argument` means in `directory`; `..` stops at `/`. Reads no disk. */
export function resolvePath(directory: string, argument: string): string {
  const joined = argument.startsWith('/') ? argument : `${directory}/${argument}`;
  const parts: string[] = [];
  for (const part of joined.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** One folder, seen as `/`. */
export class VirtualRoot {
  readonly #root: Buffer;

  private constructor(root: Buffer) {
    this.#root = root;
  }

  /** Rejects with Node's own error where the folder does not exist. */
  static async open(folder: string): Promise<VirtualRoot> {
    return new VirtualRoot(await realpath(folder, { encoding: 'buffer' }));
  }

  /**
   * The file path of an absolute FTP path; what it names need not exist, the folder around it must. Rejects with an
   * {@link OutsideRootError}, or with Node's own error (`ENOENT`, `ENOTDIR`, `ELOOP` …).
   */
  async locate(path: string, meaning: Meaning): Promise<Buffer> {
    const parts = path.split('/').filter((part) => part !== '');
    const name = parts.pop();
    if (name === undefined) return this.#root;
    const parent = await this.#realpath(Buffer.concat([this.#root, SLASH, Buffer.from(parts.join('/'), 'latin1')]));
    const entry = Buffer.concat([parent, SLASH, Buffer.from(name, 'latin1')]);
    if (meaning === 'entry') return entry;
    try {
      return await this.#realpath(entry);
    } catch (error) {
      // Not there yet: it may be made. Whoever opens it does so with O_NOFOLLOW, so that a dangling link is no way out.
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return entry;
      throw error;
    }
  }

  async #realpath(path: Buffer): Promise<Buffer> {
    const real = await realpath(path, { encoding: 'buffer' });
    const prefix = Buffer.concat([this.#root, SLASH]);
    if (!real.equals(this.#root) && !real.subarray(0, prefix.length).equals(prefix)) {
      throw new OutsideRootError('the path leads out of the folder');
    }
    return real;
  }
}
