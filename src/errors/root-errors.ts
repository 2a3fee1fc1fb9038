/**
 * What can go wrong with a session that sees one folder of its backend only. One part of the table in `errors.ts`, which says what the
 * columns mean.
 */
import type { ErrorDescription } from './error-description.ts';

export const ROOT_ERRORS = {
  'root-unavailable': {
    reply: [530, 'Your folder is not available, try again later.'],
    meaning:
      'The backend accepted the login, but did not go to the folder that the route or decisionHook gives the client as its root; or did not tell (PWD) where it was then. The login ended.',
    remedy:
      "See `detail`: the folder and the backend's own words. It must be there, and that user must be able to enter it.",
  },
  'path-outside-root': {
    reply: [550, 'No such file or folder, or not permitted.'],
    meaning:
      'A client with a root named a folder that is a link out of it, or wanted to rename or copy a link, or to change the root itself. It is told that there is nothing.',
    remedy:
      'Remove links that lead out of roots. Servers that do not tell the real place in PWD follow them without notice.',
  },
} as const satisfies Record<string, ErrorDescription>;
