/**
 * What a backend is told and asked as soon as a client is logged in there, before the client's next command.
 */
import type { BackendLink } from '../backends/backend-link.ts';
import { CurrentDirectory } from './current-directory.ts';
import type { SessionEnvironment } from './session-environment.ts';
import type { Standing } from './standing.ts';

/** What the client said before the login and is for the backend; then, where somebody needs to know it, in which folder it is. */
export function settleIn(link: BackendLink, standing: Standing, { audit }: SessionEnvironment): void {
  for (const command of standing.remembered.splice(0)) link.exchange(command).catch(() => {});
  if (audit.on) standing.directory = new CurrentDirectory(link);
}
