/**
 * What becomes of a command of a client that has a root. Pure.
 */
import { ERRORS, type ErrorCode } from '../../errors/errors.ts';
import type { Command } from '../../wire/command.ts';
import type { PathProblem } from '../../wire/path.ts';
import { type Reply, reply } from '../../wire/reply.ts';
import type { ListingFilter } from './listing-filter.ts';
import { refusal } from './own-words.ts';

/** It goes to the backend in this form. */
export interface SentCourse {
  readonly kind: 'send';
  readonly command: Command;
  /** Changes what the backend sends on the data connection. */
  readonly filter: ListingFilter | undefined;
  /** The backend has answered: what the client is told. To be asked once for each reply, in order. */
  shown(answer: Reply): Reply;
}

export type Course =
  | SentCourse
  /** The gateway answers; so it does where the backend refused to go to the folder. */
  | { readonly kind: 'answer'; readonly reply: Reply }
  /** The gateway refuses it, as an outcome of the session. */
  | { readonly kind: 'refuse'; readonly outcome: RootRefusal };

/** It would lead out of the root, or nobody can tell where it leads. */
export interface RootRefusal {
  readonly do: 'refuse';
  readonly rule: 'root';
  readonly cause: ErrorCode;
  readonly detail: string | undefined;
  readonly reply: Reply;
}

/** Verbs that give a name to something new: 553 is for them (RFC 959 §5.4). */
const NAMING: ReadonlySet<string> = new Set(['STOR', 'APPE', 'STOU', 'RNTO']);

/** The gateway answers. */
export function answered(told: Reply): Course {
  return { kind: 'answer', reply: told };
}

/** It would lead out. It looks as if there were nothing. */
export function outside(): Course {
  return refused('path-outside-root', refusal(550));
}

/** Nobody can tell what it means. */
export function unclear(verb: string, problem: PathProblem | 'form'): Course {
  const [code, text] = ERRORS['path-unclear'].reply;
  return refused('path-unclear', reply(NAMING.has(verb) ? 553 : code, text), problem);
}

function refused(cause: ErrorCode, told: Reply, detail?: string): Course {
  return { kind: 'refuse', outcome: { do: 'refuse', rule: 'root', cause, detail, reply: told } };
}
