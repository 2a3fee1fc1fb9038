/**
 * Counts what the limits of users, addresses, routes and of all together are about: sessions and transfers that are there now, what was
 * moved today, and how often somebody logged in. Only what is limited is counted, and only in memory. How much there may be is told
 * each time: knows no configuration but the time zone of a day.
 */
import { placeOf } from './admissions.ts';
import type { Claim, Claimant, Counts, Entry, Exceeded, Held, RateClaim, Spending, Spent, Usage } from './claims.ts';
import { Day } from './day.ts';
import { afterEvent, delayOf } from './event-rate.ts';

/** Names whose logins are remembered; the one that was quiet for longest makes way. */
const MAX_REMEMBERED = 50_000;

interface Counted {
  readonly claim: Claim;
  readonly used: number;
}

export interface LedgerOptions {
  readonly timeZone: string;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
}

export class Ledger implements Counts {
  readonly block = 0;
  readonly #clock: () => number;
  readonly #day: Day;
  readonly #held = new Map<string, Counted>();
  readonly #today = new Map<string, Counted>();
  readonly #whole = new Map<string, number>();
  #date: string;

  constructor({ timeZone, clock = Date.now }: LedgerOptions) {
    this.#clock = clock;
    this.#day = new Day(timeZone, clock);
    this.#date = this.#day.date;
  }

  /** Another time zone: what was counted today goes on to count where the date is the same. */
  change({ timeZone }: { readonly timeZone: string }): void {
    this.#day.change(timeZone);
  }

  enter(claims: readonly Claim<Held>[]): Entry {
    const full = claims.find((claim) => usedOf(this.#held, claim) >= claim.most);
    if (full !== undefined) return { refused: full };
    for (const claim of claims) add(this.#held, claim, 1);
    return placeOf(() => {
      for (const claim of claims) add(this.#held, claim, -1);
    });
  }

  spend(claims: readonly Claim<Spent>[], wanted: number, need: number): Spending {
    this.#turnPage();
    const left = (claim: Claim) => claim.most - usedOf(this.#today, claim);
    const tightest = claims.find((claim) => left(claim) < need);
    if (tightest !== undefined) return { refused: tightest };
    const spent = Math.min(wanted, ...claims.map(left));
    for (const claim of claims) add(this.#today, claim, spent);
    return { spent, day: this.#date };
  }

  giveBack(claims: readonly Claim<Spent>[], amount: number, day: string): void {
    this.#turnPage();
    if (day !== this.#date) return;
    for (const claim of claims) add(this.#today, claim, -amount);
  }

  attempt(claims: readonly RateClaim[]): Exceeded | undefined {
    const now = this.#clock();
    const refused = claims.find((claim) => delayOf(claim.rate, this.#whole.get(nameOf(claim)) ?? 0, now) > 0);
    if (refused !== undefined) return { refused };
    for (const claim of claims) {
      const name = nameOf(claim);
      const whole = afterEvent(claim.rate, this.#whole.get(name) ?? 0, now);
      this.#whole.delete(name);
      this.#whole.set(name, whole);
    }
    const [oldest] = this.#whole.keys();
    if (this.#whole.size > MAX_REMEMBERED && oldest !== undefined) this.#whole.delete(oldest);
    return undefined;
  }

  /** How much of each limit is used that anything is counted for. */
  get usage(): readonly Usage[] {
    this.#turnPage();
    return [...this.#held.values(), ...this.#today.values()].map(({ claim, used }) => {
      const { limit, scope, whose, most } = claim;
      return { limit, scope, whose, used, most };
    });
  }

  /** A new day begins with nothing. */
  #turnPage(): void {
    const { date } = this.#day;
    if (date === this.#date) return;
    this.#date = date;
    this.#today.clear();
  }
}

function nameOf({ limit, scope, whose }: Claimant & { readonly limit: string }): string {
  return `${limit} ${scope} ${whose}`;
}

function usedOf(counted: ReadonlyMap<string, Counted>, claim: Claim): number {
  return counted.get(nameOf(claim))?.used ?? 0;
}

function add(counted: Map<string, Counted>, claim: Claim, amount: number): void {
  const name = nameOf(claim);
  const used = usedOf(counted, claim) + amount;
  if (used > 0) counted.set(name, { claim, used });
  else counted.delete(name);
}
