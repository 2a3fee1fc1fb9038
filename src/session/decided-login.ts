/**
 * A login about which the operator's service decides: it is asked at USER, or at PASS where it wants the password. A client
 * that is refused hears it at PASS only, so that it does not learn which names exist.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Allowance, type Decision, NO_USER_RULES, type UserRules } from '../config/decision.ts';
import { asGatewayError, ERRORS, type ErrorCode } from '../errors/errors.ts';
import { bytesOf } from '../wire/bytes-of.ts';
import type { Command } from '../wire/command.ts';
import { type Reply, reply } from '../wire/reply.ts';
import { type Login, NO_BACKEND, PASSWORD_REQUIRED } from './login.ts';
import type { LoginPace } from './login-pace.ts';
import { loginProgress } from './login-progress.ts';

const BEGIN_AGAIN = reply(503, 'Log in with USER first.');

export interface DecidedLoginOptions {
  /** As the client said it, Latin-1. */
  readonly user: string;
  readonly asks: 'at USER' | 'at PASS';
  /** What a login does that got no decision. */
  readonly onFailure: 'deny' | 'route';
  /** Asks the service. Raises GatewayError. */
  readonly ask: (password: string | undefined) => Promise<Decision>;
  /** Where an allowed client is led; without a decision where its route leads. Raises GatewayError. */
  readonly lead: (decision: Allowance | undefined) => Promise<Login>;
  readonly pace: LoginPace;
  /** Fires when the session ends. */
  readonly signal: AbortSignal;
  /** No decision came; the login goes on as `onFailure` says. */
  readonly onHookFailed: (code: ErrorCode, detail: string | undefined) => void;
}

type State =
  | { readonly name: 'open' }
  | { readonly name: 'led'; readonly login: Login; readonly rules: UserRules }
  | { readonly name: 'denied'; readonly cause: ErrorCode; readonly reply: Reply };

export class DecidedLogin implements Login {
  readonly user: string;
  readonly #options: DecidedLoginOptions;
  #state: State = { name: 'open' };

  constructor(options: DecidedLoginOptions) {
    this.#options = options;
    this.user = options.user;
  }

  get #login(): Login | undefined {
    return this.#state.name === 'led' ? this.#state.login : undefined;
  }

  get link(): Login['link'] {
    return this.#login?.link;
  }

  get backend(): string {
    return this.#login?.backend ?? NO_BACKEND;
  }

  get cause(): ErrorCode | undefined {
    return this.#state.name === 'denied' ? this.#state.cause : this.#login?.cause;
  }

  get rules(): UserRules {
    return this.#state.name === 'led' ? this.#state.rules : NO_USER_RULES;
  }

  get limits(): Login['limits'] {
    return this.#login?.limits;
  }

  get ownPassword(): boolean {
    return this.#login?.ownPassword ?? false;
  }

  get onLoss(): Login['onLoss'] {
    return this.#login?.onLoss ?? 'handled';
  }

  get root(): Login['root'] {
    return this.#login?.root;
  }

  get discreet(): boolean {
    return this.#login?.discreet === true;
  }

  async say(command: Command): Promise<Reply> {
    const { asks } = this.#options;
    // Each password is judged; a backend that wants an account (332) must not be offered another one behind that.
    if (command.verb === 'PASS' && asks === 'at PASS' && this.#state.name === 'led') return BEGIN_AGAIN;
    if (command.verb === 'USER') {
      this.#state = { name: 'open' };
      if (asks === 'at USER') await this.#decide(undefined);
    } else if (this.#state.name === 'open') await this.#decide(command.argument ?? '');
    switch (this.#state.name) {
      case 'open':
        return PASSWORD_REQUIRED;
      case 'led':
        return this.#lead(this.#state.login, command);
      case 'denied':
        return this.#refuse(this.#state.reply, command);
    }
  }

  /** At PASS the backend has not heard the name yet. */
  async #lead(login: Login, command: Command): Promise<Reply> {
    if (command.verb === 'PASS' && this.#options.asks === 'at PASS') {
      const named = await login.say({ verb: 'USER', argument: this.user });
      if (loginProgress(named) !== 'more') return named;
    }
    return login.say(command);
  }

  async #refuse(answer: Reply, { verb }: Command): Promise<Reply> {
    const { pace, signal } = this.#options;
    const isUser = verb === 'USER';
    try {
      await sleep(pace.draw(isUser ? 'named' : 'refused'), undefined, { signal });
    } catch {
      throw signal.reason;
    }
    return isUser ? PASSWORD_REQUIRED : answer;
  }

  async #decide(password: string | undefined): Promise<void> {
    const { ask, lead, onFailure, onHookFailed, signal } = this.#options;
    try {
      const decision = await ask(password);
      if (decision.decision === 'allow') {
        this.#state = { name: 'led', login: await lead(decision), rules: decision };
        return;
      }
      this.#deny('decision-hook-denied', decision.reply);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const { code, detail } = asGatewayError(error, 'decision-hook-failed');
      onHookFailed(code, detail);
      if (onFailure === 'route' && code === 'decision-hook-failed')
        this.#state = { name: 'led', login: await lead(undefined), rules: NO_USER_RULES };
      else this.#deny(code === 'decision-hook-malformed' ? code : 'decision-hook-failed');
    }
  }

  #deny(cause: ErrorCode, text?: string): void {
    const [code = 530, words = ''] = ERRORS[cause].reply ?? [];
    this.#state = { name: 'denied', cause, reply: reply(code, text === undefined ? words : bytesOf(text)) };
  }
}
