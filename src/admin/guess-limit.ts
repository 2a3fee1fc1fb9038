/**
 * How many wrong tokens one host may show before it is told to wait: a few each minute. A right token always counts, or else anybody
 * could lock out all who come from the same address. Counts only.
 */
import { hostKey } from './host-key.ts';

/** Wrong tokens of one host in {@link WINDOW}. */
const MOST = 10;
/** Milliseconds. */
const WINDOW = 60_000;
/** Hosts that are remembered; those that were quiet for longest make way. */
const MAX_REMEMBERED = 10_000;

export class GuessLimit {
  readonly #clock: () => number;
  readonly #guesses = new Map<string, { readonly begun: number; readonly count: number }>();

  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
  }

  /** Seconds until a host that is held back may try again, at most. */
  static readonly patience = WINDOW / 1000;

  /** A token of this address was wrong. Whether it may show more of them. */
  guess(address: string): boolean {
    const host = hostKey(address);
    const { begun, count } = this.#current(host) ?? { begun: this.#clock(), count: 0 };
    if (count >= MOST) return false;
    this.#guesses.delete(host);
    this.#guesses.set(host, { begun, count: count + 1 });
    const [oldest] = this.#guesses.keys();
    if (this.#guesses.size > MAX_REMEMBERED && oldest !== undefined) this.#guesses.delete(oldest);
    return true;
  }

  #current(host: string): { readonly begun: number; readonly count: number } | undefined {
    const known = this.#guesses.get(host);
    if (known === undefined || this.#clock() - known.begun < WINDOW) return known;
    this.#guesses.delete(host);
    return undefined;
  }
}
