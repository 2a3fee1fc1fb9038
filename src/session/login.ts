/**
 * One login as the session sees it, from USER to the answer that ends it; and the login of a client that no route is for.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BackendLink } from '../backends/backend-link.ts';
import type { UserRules } from '../config/decision.ts';
import { ERRORS, type ErrorCode } from '../errors/errors.ts';
import type { SessionLimits } from '../policy/session-limits.ts';
import type { Command } from '../wire/command.ts';
import { type Reply, reply } from '../wire/reply.ts';
import type { LoginPace } from './login-pace.ts';
import type { RootedSession } from './root/rooted-session.ts';

/** In place of what a backend says, where its words would tell that a name leads to a backend. */
export const PASSWORD_REQUIRED = reply(331, 'Password required.');
export const LOGIN_INCORRECT = reply(...ERRORS['no-route'].reply);

/** Name of the backend in logs and metrics where there is none; no backend can be called so. */
export const NO_BACKEND = '-';

export interface Login {
  /** As the client said it, Latin-1. */
  readonly user: string;
  /** The link that the session has now. */
  readonly link: BackendLink | undefined;
  /** Name for logs and metrics. */
  readonly backend: string;
  /** Why it cannot succeed. */
  readonly cause: ErrorCode | undefined;
  /** Whether the backend is told a password of the route, and that of the client is not needed. */
  readonly ownPassword: boolean;
  /** What holds for this client in place of what holds for everybody, once it is logged in. */
  readonly rules?: UserRules | undefined;
  /** What it sees in place of the whole backend, once it is logged in. */
  readonly root?: RootedSession | undefined;
  /** Whether the words of the backend must not reach the client. */
  readonly discreet?: boolean;
  /** What its sessions and transfers may, once it is logged in. */
  readonly limits?: SessionLimits | undefined;
  /** What the loss of the link means: nothing to the session, since the login deals with it, or the end. */
  readonly onLoss: 'handled' | 'replaceable' | 'fatal';
  /** The answer to USER, PASS or ACCT. Raises GatewayError where there is none, which ends the session. */
  say(command: Command): Promise<Reply>;
}

/** A login that no route is for: it looks like a wrong password, and takes as long. */
export class UnroutedLogin implements Login {
  readonly user: string;
  readonly link = undefined;
  readonly backend = NO_BACKEND;
  readonly cause = 'no-route';
  readonly ownPassword = false;
  readonly onLoss = 'handled';
  readonly #pace: LoginPace;
  readonly #signal: AbortSignal;

  constructor(user: string, pace: LoginPace, signal: AbortSignal) {
    this.user = user;
    this.#pace = pace;
    this.#signal = signal;
  }

  async say({ verb }: Command): Promise<Reply> {
    const isUser = verb === 'USER';
    try {
      await sleep(this.#pace.draw(isUser ? 'named' : 'refused'), undefined, { signal: this.#signal });
    } catch {
      throw this.#signal.reason;
    }
    return isUser ? PASSWORD_REQUIRED : LOGIN_INCORRECT;
  }
}
