/**
 * How many sessions there may be, in total and from one address. Counts only; knows nothing of sockets.
 */
import type { ErrorCode } from '../errors/errors.ts';

/** A place that was given, to be given back once; or the limit that stood against it. */
export type Admission = { leave(): void } | { readonly refused: ErrorCode };

/** Who gives places: this process, or another one that counts for several. */
export interface SessionPlaces {
  /** Asks for a place for one more session of this address. */
  enter(address: string): Admission | Promise<Admission>;
}

export class Admissions implements SessionPlaces {
  readonly #limits: { readonly sessions: number; readonly sessionsPerAddress: number };
  readonly #perAddress = new Map<string, number>();
  #total = 0;

  constructor(limits: { readonly sessions: number; readonly sessionsPerAddress: number }) {
    this.#limits = limits;
  }

  get total(): number {
    return this.#total;
  }

  /** Asks for a place for one more session of this address. */
  enter(address: string): Admission {
    const here = this.#perAddress.get(address) ?? 0;
    if (this.#total >= this.#limits.sessions) return { refused: 'too-many-sessions' };
    if (here >= this.#limits.sessionsPerAddress) return { refused: 'too-many-sessions-per-address' };
    this.#total++;
    this.#perAddress.set(address, here + 1);
    let left = false;
    return {
      leave: () => {
        if (left) return;
        left = true;
        this.#leave(address);
      },
    };
  }

  #leave(address: string): void {
    this.#total--;
    const rest = (this.#perAddress.get(address) ?? 1) - 1;
    if (rest > 0) this.#perAddress.set(address, rest);
    else this.#perAddress.delete(address);
  }
}
