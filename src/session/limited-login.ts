/**
 * A login whose sessions and transfers are bounded: once a backend has accepted it, a place among the sessions of its user and its route
 * is taken. Not before: who knows a name only must not fill the places of its owner.
 */
import type { BackendLink } from '../backends/backend-link.ts';
import type { SessionLimits } from '../policy/session-limits.ts';
import type { Command } from '../wire/command.ts';
import type { Reply } from '../wire/reply.ts';
import type { Login } from './login.ts';
import { loginProgress } from './login-progress.ts';

export interface LimitedLoginOptions {
  readonly login: Login;
  readonly limits: SessionLimits;
  /** Fires when the session ends: then its place is given back. */
  readonly signal: AbortSignal;
  /** There was no place: told before the error ends the session. */
  readonly onRefused: (error: unknown) => void;
}

export class LimitedLogin implements Login {
  readonly limits: SessionLimits;
  readonly #options: LimitedLoginOptions;

  constructor(options: LimitedLoginOptions) {
    this.#options = options;
    this.limits = options.limits;
  }

  get user(): string {
    return this.#options.login.user;
  }

  get link(): BackendLink | undefined {
    return this.#options.login.link;
  }

  get backend(): string {
    return this.#options.login.backend;
  }

  get cause(): Login['cause'] {
    return this.#options.login.cause;
  }

  get ownPassword(): boolean {
    return this.#options.login.ownPassword;
  }

  get onLoss(): Login['onLoss'] {
    return this.#options.login.onLoss;
  }

  get root(): Login['root'] {
    return this.#options.login.root;
  }

  get discreet(): boolean {
    return this.#options.login.discreet === true;
  }

  /** Raises LimitReached where the backend has accepted the login and there is no place, beside what the login raises. */
  async say(command: Command): Promise<Reply> {
    const { login, limits, signal, onRefused } = this.#options;
    const answer = await login.say(command);
    if (loginProgress(answer) !== 'accepted') return answer;
    try {
      const place = await limits.enter();
      if (signal.aborted) place.leave();
      else signal.addEventListener('abort', () => place.leave(), { once: true });
    } catch (error) {
      onRefused(error);
      throw error;
    }
    return answer;
  }
}
