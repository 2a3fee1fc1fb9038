/**
 * Tells whether files have changed since they were looked at: by what the system says of them behind all symbolic links, so that a
 * link that is swapped (a Secret mounted by Kubernetes) counts as well. Reads none of them.
 */
import { stat } from 'node:fs/promises';

/** What the system says of each file; of one that is not there, why. */
export type Stamps = ReadonlyMap<string, string>;

/** Looks at the files now. Never rejects. */
export async function stampsOf(files: readonly string[]): Promise<Stamps> {
  return new Map(await Promise.all(files.map(async (file) => [file, await stampOf(file)] as const)));
}

/** Whether anything differs. */
export function differ(one: Stamps, other: Stamps): boolean {
  return one.size !== other.size || [...one].some(([file, stamp]) => other.get(file) !== stamp);
}

async function stampOf(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
