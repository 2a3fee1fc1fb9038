/**
 * Which file a command is about: by the folder of the backend, or by the view of a client that has a root.
 */
import type { TouchedPath } from '../observe/session-records.ts';
import type { Command } from '../wire/command.ts';
import type { Reply } from '../wire/reply.ts';
import { touchedBy } from './current-directory.ts';
import type { Standing } from './standing.ts';

/** `preliminary` is what the backend said to it before the data. */
export function touchedPath(
  { root, directory }: Pick<Standing, 'root' | 'directory'>,
  command: Command,
  preliminary?: Reply,
): TouchedPath {
  return root === undefined ? touchedBy(directory, command, preliminary) : root.touched(command, preliminary);
}
