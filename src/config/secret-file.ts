/**
 * Files that keep a secret out of the configuration: a password, a token or a key in the first line.
 */
import { readFile } from 'node:fs/promises';
import { reasonOf } from '../errors/system-error.ts';
import type { ConfigProblem } from './problem.ts';

/** The first line of a file. Rejects with an Error that names the file and says why it cannot be used. */
export async function readSecret(file: string): Promise<string> {
  const content = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new Error(`${file}: ${reasonOf(error)}`, { cause: error });
  });
  const [line = ''] = content.split(/\r?\n/, 1);
  if (line === '' || line.includes('\0')) throw new Error(`${file}: expected a password in the first line`);
  return line;
}

/** What stands against the file that the key `path` names; nothing where it names none. Never rejects. */
export async function checkSecretFile(path: string, file: string | null): Promise<ConfigProblem[]> {
  if (file === null) return [];
  try {
    await readSecret(file);
    return [];
  } catch (error) {
    return [{ path, message: reasonOf(error) }];
  }
}
