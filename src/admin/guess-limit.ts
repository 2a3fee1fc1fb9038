/**
 * How many wrong tokens one address may show: a few each minute. Counts only.
 */

/** Wrong tokens of one address in {@link WINDOW}. */
const MOST = 10;
/** Milliseconds. */
const WINDOW = 60_000;
/** Addresses that are remembered; those that were quiet for longest make way. */
const MAX_REMEMBERED = 10_000;

export class GuessLimit {
  readonly #clock: () => number;
  readonly #guesses = new Map<string, { readonly begun: number; readonly count: number }>();

  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
  }

  /** Seconds until an address that is held back may try again, at most. */
  static readonly patience = WINDOW / 1000;

  /** Whether a token of this address is looked at. */
  allows(address: string): boolean {
    return (this.#current(address)?.count ?? 0) < MOST;
  }

  /** A token was wrong. */
  guessed(address: string): void {
    const current = this.#current(address) ?? { begun: this.#clock(), count: 0 };
    this.#guesses.delete(address);
    this.#guesses.set(address, { ...current, count: current.count + 1 });
    const [oldest] = this.#guesses.keys();
    if (this.#guesses.size > MAX_REMEMBERED && oldest !== undefined) this.#guesses.delete(oldest);
  }

  #current(address: string): { readonly begun: number; readonly count: number } | undefined {
    const known = this.#guesses.get(address);
    if (known === undefined || this.#clock() - known.begun < WINDOW) return known;
    this.#guesses.delete(address);
    return undefined;
  }
}
