/**
 * What a backend's reply to USER, PASS or ACCT means for the login (RFC 959 §5.4). Pure.
 */
import { isIntermediate, isPositive, type Reply } from '../wire/reply.ts';

/** Logged in; asked for more (331 password, 332 account, 336 challenge); or turned away. */
export type LoginProgress = 'accepted' | 'more' | 'refused';

export function loginProgress(reply: Reply): LoginProgress {
  if (isPositive(reply)) return 'accepted';
  return isIntermediate(reply) ? 'more' : 'refused';
}
