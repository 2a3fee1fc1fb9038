/**
 * What becomes of a command of a client that has a root. Pure types.
 */
import type { ErrorCode } from '../../errors/errors.ts';
import type { Command } from '../../wire/command.ts';
import type { Reply } from '../../wire/reply.ts';
import type { ListingFilter } from './listing-filter.ts';

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
