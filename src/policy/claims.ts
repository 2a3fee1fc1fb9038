/**
 * What is asked of who counts: for whom, of what, and how much there may be. Pure types.
 */
import type { AmountsConfig, EventRate } from '../config/limits.ts';
import type { LimitName, LimitScope } from '../observe/measures.ts';

/** What is held and given back. */
export type Held = 'sessions' | 'transfers';

/** What is spent, until the day is over. */
export type Spent = keyof AmountsConfig;

/** For whom a limit counts, and where it is configured. */
export interface Claimant {
  readonly scope: LimitScope;
  /** Address, user (Latin-1), or route; empty where all are meant. */
  readonly whose: string;
  /** The key of the configuration, for the log: `limits.perUser.transfers`. */
  readonly key: string;
}

/** One limit that stands for somebody. */
export interface Claim<L extends LimitName = LimitName> extends Claimant {
  readonly limit: L;
  readonly most: number;
}

/** How often something may happen. */
export interface RateClaim extends Claimant {
  readonly limit: 'loginRate';
  readonly rate: EventRate;
}

/** A limit that was in the way. */
export interface Exceeded {
  readonly refused: Claimant & { readonly limit: LimitName };
}

/** Places that were given, to be given back once; or the limit that stood against them. */
export type Entry = { leave(): void } | Exceeded;

/** An amount that was spent, on a day; or the limit that stood against it. */
export type Spending = { readonly spent: number; readonly day: string } | Exceeded;

/** Who counts what the limits are about: this process, or another one that counts for several. */
export interface Counts {
  /** Bytes that are best asked for at once; 0 where asking costs nothing. */
  readonly block: number;
  /** One place more of each: all of them or none. */
  enter(claims: readonly Claim<Held>[]): Entry | Promise<Entry>;
  /** Spends of each what is left, at most `wanted`; nothing where less than `need` is left of one. */
  spend(claims: readonly Claim<Spent>[], wanted: number, need: number): Spending | Promise<Spending>;
  /** What was spent and not needed; nothing of it counts on another day. */
  giveBack(claims: readonly Claim<Spent>[], amount: number, day: string): void;
  /** It happens once more, unless one stands against it: resolves with that one. */
  attempt(claims: readonly RateClaim[]): Exceeded | undefined | Promise<Exceeded | undefined>;
}

/** How much of a limit is used. */
export interface Usage {
  readonly limit: LimitName;
  readonly scope: LimitScope;
  readonly whose: string;
  readonly used: number;
  readonly most: number;
}
