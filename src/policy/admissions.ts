/**
 * How many sessions there may be, in total and from one address, and who is turned away for failed logins. Counts only; knows
 * nothing of sockets.
 */
import type { ErrorCode } from '../errors/errors.ts';
import { addressKey } from './address-key.ts';
import type { Usage } from './claims.ts';
import { type Ban, FailedLogins, type FailedLoginsOptions, type LoginFailure } from './failed-logins.ts';

/** A place that was given, to be given back once; or the limit that stood against it. */
export type Admission = { leave(): void } | { readonly refused: ErrorCode };

/** A place; `onLeave` is called once. */
export function placeOf(onLeave: () => void): { leave(): void } {
  let left = false;
  return {
    leave: () => {
      if (left) return;
      left = true;
      onLeave();
    },
  };
}

/** Who gives places: this process, or another one that counts for several. */
export interface SessionPlaces {
  /** Asks for a place for one more session of this address. */
  enter(address: string): Admission | Promise<Admission>;
  /** A login from this address failed: what follows from it. */
  loginFailed(address: string, user: string): LoginFailure | Promise<LoginFailure>;
  /** Whether this address is turned away, in whatever session. */
  isBanned(address: string): boolean | Promise<boolean>;
}

/** Upper bounds, as in the configuration. */
export interface AdmissionLimits extends FailedLoginsOptions {
  readonly sessions: number;
  readonly sessionsPerAddress: number;
  /** In place of `sessionsPerAddress`. */
  readonly perAddress?: { readonly sessions?: number | undefined };
}

export class Admissions implements SessionPlaces {
  #limits: AdmissionLimits;
  readonly #failedLogins: FailedLogins;
  readonly #perAddress = new Map<string, number>();
  #total = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
    this.#failedLogins = new FailedLogins(limits);
  }

  /** The limits of a new configuration; sessions, failures and bans of before count. */
  change(limits: AdmissionLimits): void {
    this.#limits = limits;
    this.#failedLogins.change(limits);
  }

  get total(): number {
    return this.#total;
  }

  /** How much of the limits is used now: all together, and each address. */
  get usage(): readonly Usage[] {
    const { sessions } = this.#limits;
    const total = { limit: 'sessions', scope: 'total', whose: '', used: this.#total, most: sessions } as const;
    const most = this.#mostPerAddress;
    const each = [...this.#perAddress].map(
      ([whose, used]): Usage => ({ limit: 'sessions', scope: 'address', whose, used, most }),
    );
    return [total, ...each];
  }

  /** The addresses that are turned away. */
  get bans(): readonly Ban[] {
    return this.#failedLogins.bans;
  }

  /** Lifts the ban of this address, as {@link bans} has it; false where there is none. */
  liftBan(address: string): boolean {
    return this.#failedLogins.liftBan(address);
  }

  loginFailed(address: string, user: string): LoginFailure {
    return this.#failedLogins.failed(address, user);
  }

  isBanned(address: string): boolean {
    return this.#failedLogins.isBanned(address);
  }

  enter(address: string): Admission {
    if (this.isBanned(address)) return { refused: 'address-banned' };
    const key = addressKey(address);
    const here = this.#perAddress.get(key) ?? 0;
    if (this.#total >= this.#limits.sessions) return { refused: 'too-many-sessions' };
    if (here >= this.#mostPerAddress) return { refused: 'too-many-sessions-per-address' };
    this.#total++;
    this.#perAddress.set(key, here + 1);
    return placeOf(() => this.#leave(key));
  }

  get #mostPerAddress(): number {
    return this.#limits.perAddress?.sessions ?? this.#limits.sessionsPerAddress;
  }

  #leave(key: string): void {
    this.#total--;
    const rest = (this.#perAddress.get(key) ?? 1) - 1;
    if (rest > 0) this.#perAddress.set(key, rest);
    else this.#perAddress.delete(key);
  }
}
