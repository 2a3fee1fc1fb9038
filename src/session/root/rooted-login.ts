/**
 * The login of a client that sees one folder only: in words of the gateway, since those of a backend name homes and welcome by message
 * files; and without that folder there is none.
 */
import type { BackendLink } from '../../backends/backend-link.ts';
import { asGatewayError, type GatewayError } from '../../errors/errors.ts';
import type { Command } from '../../wire/command.ts';
import { type Reply, reply } from '../../wire/reply.ts';
import { LOGIN_INCORRECT, type Login, PASSWORD_REQUIRED } from '../login.ts';
import { loginProgress } from '../login-progress.ts';
import { refusal } from './own-words.ts';
import { RootedSession } from './rooted-session.ts';

export interface RootedLoginOptions {
  /** The login that finds a backend. */
  readonly login: Login;
  /** The folder at the backend, Latin-1. */
  readonly root: string;
  /** The backend has accepted the client, and has no such folder for it. */
  readonly onFailed: (backend: string, error: GatewayError) => void;
}

export class RootedLogin implements Login {
  readonly #options: RootedLoginOptions;
  #rooted: RootedSession | undefined;

  constructor(options: RootedLoginOptions) {
    this.#options = options;
  }

  get #login(): Login {
    return this.#options.login;
  }

  get user(): string {
    return this.#login.user;
  }

  get link(): BackendLink | undefined {
    return this.#login.link;
  }

  get backend(): string {
    return this.#login.backend;
  }

  get cause(): Login['cause'] {
    return this.#login.cause;
  }

  get ownPassword(): boolean {
    return this.#login.ownPassword;
  }

  get rules(): Login['rules'] {
    return this.#login.rules;
  }

  get limits(): Login['limits'] {
    return this.#login.limits;
  }

  get root(): RootedSession | undefined {
    return this.#rooted;
  }

  get discreet(): boolean {
    return true;
  }

  get onLoss(): Login['onLoss'] {
    return this.#login.onLoss;
  }

  async say(command: Command): Promise<Reply> {
    const answer = await this.#login.say(command);
    switch (loginProgress(answer)) {
      case 'accepted':
        await this.#enter();
        return reply(answer.code, 'Logged in.');
      case 'more':
        return answer.code === 331 ? PASSWORD_REQUIRED : reply(answer.code, 'More is needed: send ACCT.');
      case 'refused':
        return answer.code === 530 ? LOGIN_INCORRECT : refusal(answer.code);
    }
  }

  /** The client hears of its login only when it is where it belongs. */
  async #enter(): Promise<void> {
    const { root, onFailed } = this.#options;
    const { link, backend } = this.#login;
    if (link === undefined) throw new Error('accepted without a link');
    try {
      this.#rooted = await RootedSession.open(link, root);
    } catch (error) {
      const reason = asGatewayError(error, 'internal-error');
      onFailed(backend, reason);
      throw reason;
    }
  }
}
