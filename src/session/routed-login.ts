/**
 * A login that a route leads to backends. Each backend is tried once before any is tried twice, until one has answered and the
 * client was told; no backend hears a password twice. Credentials are those of the route.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Backend } from '../backends/backend.ts';
import type { BackendLink } from '../backends/backend-link.ts';
import type { BackendRoute } from '../backends/backend-routes.ts';
import type { ChoiceFor } from '../backends/choice.ts';
import { asGatewayError, GatewayError } from '../errors/errors.ts';
import type { Command } from '../wire/command.ts';
import type { Reply } from '../wire/reply.ts';
import { LOGIN_INCORRECT, type Login, NO_BACKEND, PASSWORD_REQUIRED } from './login.ts';
import type { LoginPace } from './login-pace.ts';
import { loginProgress } from './login-progress.ts';

/** Before backends are tried a second time (milliseconds). */
const PAUSE = 250;

export interface RoutedLoginOptions {
  readonly route: BackendRoute;
  readonly whom: ChoiceFor;
  /** A link of an earlier login of this session, still good. */
  readonly link: BackendLink | undefined;
  /** Whether 331 and 530 are said in our own words, because other names have no backend. */
  readonly uniform: boolean;
  readonly pace: LoginPace;
  /** Fires when the session ends. */
  readonly signal: AbortSignal;
  /** When the login must be over (`performance.now()`). */
  readonly deadline: number;
  /** Time for a reply (milliseconds). */
  readonly finalReply: number;
  /** Dials, with this much patience (milliseconds); what fails was told to the log. Raises GatewayError. */
  readonly open: (backend: Backend, patience: number) => Promise<BackendLink>;
  /** A link broke, or the backend said 421, and the login goes on without it. */
  readonly onBroken: (backend: Backend, error: GatewayError) => void;
  /** All have failed. */
  readonly onFailed: (lastBackend: string, error: GatewayError) => void;
}

export class RoutedLogin implements Login {
  readonly user: string;
  readonly cause = undefined;
  readonly #options: RoutedLoginOptions;
  readonly #round: Backend[];
  readonly #secondRound: Backend[] = [];
  /** Who has heard the password. */
  readonly #told = new Set<Backend>();
  readonly #failures: string[] = [];
  #link: BackendLink | undefined;
  #lastError: GatewayError | undefined;
  #lastTried = NO_BACKEND;
  #state: 'idle' | 'asking' | 'answered' = 'idle';

  constructor(options: RoutedLoginOptions) {
    const { route, whom, link } = options;
    this.#options = options;
    this.user = whom.user;
    this.#link = link;
    this.#round = route.choice.order(whom, performance.now()).filter((backend) => backend !== link?.backend);
    if (link !== undefined) this.#round.push(link.backend);
    for (const { name, isDrained } of route.choice.backends) if (isDrained) this.#failures.push(`${name}: drained`);
  }

  get link(): BackendLink | undefined {
    return this.#link;
  }

  get backend(): string {
    return this.#link?.backend.name ?? NO_BACKEND;
  }

  get ownPassword(): boolean {
    return this.#options.route.credentials.secret;
  }

  get onLoss(): Login['onLoss'] {
    if (this.#state === 'asking') return 'handled';
    return this.#state === 'idle' && this.#others.length > 0 ? 'replaceable' : 'fatal';
  }

  async say(command: Command): Promise<Reply> {
    const { signal, onFailed } = this.#options;
    const before = this.#state;
    this.#state = 'asking';
    try {
      const answer = await this.#answer(command, before);
      this.#state = command.verb === 'USER' ? 'idle' : 'answered';
      return answer;
    } catch (error) {
      if (!signal.aborted) onFailed(this.#lastTried, asGatewayError(error, 'no-backend-available'));
      throw error;
    }
  }

  async #answer(command: Command, before: 'idle' | 'asking' | 'answered'): Promise<Reply> {
    const begun = performance.now();
    const { pace } = this.#options;
    if (command.verb === 'USER') {
      const answer = await this.#name();
      if (answer.code === 331) pace.measured('named', performance.now() - begun);
      return this.#shown(answer);
    }
    const answer = await this.#prove(command, before === 'idle' && command.verb === 'PASS');
    if (answer.code === 530) pace.measured('refused', performance.now() - begun);
    return this.#shown(answer);
  }

  /** USER, to the backends in turn until one answers. */
  async #name(): Promise<Reply> {
    const { credentials } = this.#options.route;
    for (;;) {
      const link = this.#usable ?? (await this.#nextLink());
      const answer = await this.#exchange(link, { verb: 'USER', argument: credentials.userFor(this.user) });
      if (answer !== undefined) return answer;
    }
  }

  /** PASS or ACCT. `replaceable`: another backend may be told USER and PASS in place of one that breaks off. */
  async #prove(command: Command, replaceable: boolean): Promise<Reply> {
    const { credentials } = this.#options.route;
    const proof =
      command.verb === 'PASS' ? { ...command, argument: credentials.passwordFor(command.argument) } : command;
    for (;;) {
      let link = this.#usable;
      if (link === undefined) {
        if (!replaceable) throw this.#exhausted();
        const named = await this.#name();
        if (loginProgress(named) !== 'more') return named;
        link = this.#usable;
      }
      // Lost again between the two commands.
      if (link === undefined) continue;
      if (command.verb === 'PASS') this.#told.add(link.backend);
      const answer = await this.#exchange(link, proof);
      if (answer !== undefined) return answer;
    }
  }

  /** The answer; undefined where the backend gave none that counts, and the link is gone. */
  async #exchange(link: BackendLink, command: Command): Promise<Reply | undefined> {
    const { signal, route } = this.#options;
    try {
      const answer = await link.exchange(command, Math.min(this.#options.finalReply, this.#patience));
      if (answer.code === 421) throw link.lost.reason;
      // Before the client hears of success: a backend that would send data in clear ends the login.
      if (loginProgress(answer) === 'accepted') await link.protect();
      return route.credentials.hide(answer);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      link.close();
      this.#note(link.backend, asGatewayError(error, 'backend-closed'), this.#options.onBroken);
      return undefined;
    }
  }

  async #nextLink(): Promise<BackendLink> {
    const { signal, open } = this.#options;
    for (;;) {
      const backend = await this.#next();
      if (backend === undefined) throw this.#exhausted();
      try {
        this.#link = await open(backend, this.#patience);
        return this.#link;
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        this.#note(backend, asGatewayError(error, 'backend-unreachable'));
      }
    }
  }

  /** The next backend to try; those of the second round after a pause. */
  async #next(): Promise<Backend | undefined> {
    const { signal } = this.#options;
    if (this.#others.length === 0) return undefined;
    if (this.#round.every((backend) => this.#told.has(backend))) {
      await sleep(PAUSE, undefined, { signal }).catch(() => {
        throw signal.reason;
      });
      this.#round.splice(0, Number.POSITIVE_INFINITY, ...this.#secondRound.splice(0));
    }
    const next = this.#round.findIndex((backend) => !this.#told.has(backend));
    return this.#round.splice(next, 1)[0];
  }

  get #others(): readonly Backend[] {
    const current = this.#usable?.backend;
    return [...this.#round, ...this.#secondRound].filter((backend) => backend !== current && !this.#told.has(backend));
  }

  /** How long one backend may take for one thing: half of what is left while others can still be tried. */
  get #patience(): number {
    const left = Math.max(1, this.#options.deadline - performance.now());
    return this.#others.length > 0 ? left / 2 : left;
  }

  get #usable(): BackendLink | undefined {
    return this.#link?.lost.aborted === false ? this.#link : undefined;
  }

  #note(backend: Backend, error: GatewayError, tell?: RoutedLoginOptions['onBroken']): void {
    const first = !this.#failures.some((failure) => failure.startsWith(`${backend.name}: `));
    this.#failures.push(`${backend.name}: ${error.code}`);
    this.#lastError = error;
    this.#lastTried = backend.name;
    const { backends } = this.#options.route.choice;
    // Another try is for what may pass at once; one backend alone is not asked twice.
    if (first && backends.length > 1 && !error.code.endsWith('-timeout')) this.#secondRound.push(backend);
    tell?.(backend, error);
  }

  /** What the client is told: the one backend's own failure, or that all have failed. */
  #exhausted(): GatewayError {
    const { route } = this.#options;
    // The farewell of a backend is quoted to the client, and may hold the password of the route.
    if (route.choice.backends.length > 1 || route.credentials.secret) this.#link = undefined;
    if (route.choice.backends.length === 1 && this.#lastError !== undefined) return this.#lastError;
    const lost = this.#link?.lost.reason;
    if (route.choice.backends.length === 1 && lost instanceof GatewayError) return lost;
    return new GatewayError('no-backend-available', { detail: this.#failures.join(', ') });
  }

  #shown(answer: Reply): Reply {
    if (!this.#options.uniform) return answer;
    if (answer.code === 331) return PASSWORD_REQUIRED;
    return answer.code === 530 ? LOGIN_INCORRECT : answer;
  }
}
