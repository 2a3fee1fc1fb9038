/**
 * Commands that access rules and views refuse. One part of the table in `errors.ts`, which says what the columns mean.
 */
import type { ErrorDescription } from './error-description.ts';

export const ACCESS_ERRORS = {
  'access-denied': {
    reply: [550, 'Permission denied.'],
    meaning: 'A rule of `access`, or readOnly or uploadOnly of the route, stands against the command; `rule` names it.',
    remedy:
      '`sallyport explain --command` says which rule decides, and why. 553 in place of 550 where a name for a new file was refused.',
  },
  'path-unclear': {
    reply: [550, 'This name cannot be used here.'],
    meaning:
      'Rules with paths, or a root, hold for this session, and it cannot be told which file the command means: its words could be read in two ways, or the backend does not say in which folder it is. `detail` says which.',
    remedy: 'Where the backend reads paths in another way than most, see `backends[].paths`.',
  },
  'file-exists': {
    reply: [553, 'There is a file of that name already.'],
    meaning: 'A client of a route with uploadOnly sent a file that the backend has already: nothing is replaced there.',
    remedy: 'The partner takes another name. What a cut upload has left behind must be removed at the backend.',
  },
  'existence-unknown': {
    reply: [553, 'It cannot be told whether there is a file of that name.'],
    meaning:
      'On a route with uploadOnly the backend was asked whether a file is there, and did not say, or cannot be believed, since it may forbid to ask: nothing is sent that could replace one.',
    remedy:
      'The backend must let this user ask for files by MLST (RFC 3659 §7), or by MDTM, SIZE and STAT; `detail` has its answers. Without them uploadOnly cannot keep its word.',
  },
} as const satisfies Record<string, ErrorDescription>;
