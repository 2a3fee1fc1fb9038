/**
 * Whether a backend can be used, learned from probes and from sessions. A backend that fails often enough is ejected; after a
 * pause one session at a time may try it again (half open). Pure: is told the time.
 */

/** `unknown` before the first try; `down` is ejected. */
export type Availability = 'unknown' | 'up' | 'down';

/** When a backend changes sides. `pause` is in milliseconds. */
export interface HealthOptions {
  readonly failures: number;
  readonly successes: number;
  /** From the ejection, or from the last trial, until the next trial. */
  readonly pause: number;
}

type State =
  | { readonly name: 'unknown' }
  | { readonly name: 'up'; readonly failures: number }
  | { readonly name: 'down'; readonly successes: number; readonly trialAt: number };

export class Health {
  readonly #options: HealthOptions;
  #state: State;

  /** `before`: what was known of the same backend already; an ejection is not passed on. */
  constructor(options: HealthOptions, before: Availability = 'unknown') {
    this.#options = options;
    this.#state = before === 'up' ? { name: 'up', failures: 0 } : { name: 'unknown' };
  }

  get availability(): Availability {
    return this.#state.name;
  }

  /** Whether it may be tried in its turn: not ejected, or due for a trial. `now` is in milliseconds. */
  mayTry(now: number): boolean {
    return this.#state.name !== 'down' || now >= this.#state.trialAt;
  }

  /** A session tries it: the next trial of an ejected backend comes a pause later. */
  tried(now: number): void {
    if (this.#state.name === 'down') this.#state = { ...this.#state, trialAt: now + this.#options.pause };
  }

  /** It answered as it should. Returns the new state where this changes it. */
  succeeded(): Availability | undefined {
    const state = this.#state;
    if (state.name === 'down' && state.successes + 1 < this.#options.successes) {
      this.#state = { ...state, successes: state.successes + 1 };
      return undefined;
    }
    this.#state = { name: 'up', failures: 0 };
    return state.name === 'up' ? undefined : 'up';
  }

  /** It did not. Returns the new state where this changes it. Before the first success one failure is enough. */
  failed(now: number): Availability | undefined {
    const state = this.#state;
    if (state.name === 'up' && state.failures + 1 < this.#options.failures) {
      this.#state = { name: 'up', failures: state.failures + 1 };
      return undefined;
    }
    this.#state = { name: 'down', successes: 0, trialAt: now + this.#options.pause };
    return state.name === 'down' ? undefined : 'down';
  }
}
