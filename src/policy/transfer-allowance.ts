/**
 * What one transfer may: how many bytes, and how fast. Asked for each chunk where anything is limited; where nothing is there is none.
 * Everything that it holds is given back at its end.
 */
import type { BandwidthClaim, Drawing } from './bandwidth.ts';
import type { Claim, Counts, Spending, Spent } from './claims.ts';
import type { LimitReached } from './limit-reached.ts';

/** Bytes of one transfer that are left, by a limit that nobody else draws from. */
export interface OwnBudget {
  readonly claim: LimitReached['claim'];
  left(): number;
  spend(bytes: number): void;
}

/** Measures the bytes of a transfer. */
export interface TransferMeter {
  /** How many of so many bytes may go on now; 0 where it must be waited for. Raises LimitReached where none may any more. */
  allow(bytes: number): number;
  /** Calls back when it is worth asking again. */
  wait(onChange: () => void): void;
}

/** A transfer that may begin. */
export interface TransferAllowance {
  /** Undefined where neither its bytes nor its bandwidth are limited. */
  readonly meter: TransferMeter | undefined;
  /** Milliseconds that it was held back, for each bandwidth. */
  readonly waits: readonly { readonly claim: BandwidthClaim; readonly milliseconds: number }[];
  /** Gives back what it held; a file that is not complete does not count. To be called once. */
  finish(completed: boolean): void;
}

export interface AllowanceParts {
  readonly counts: Counts;
  /** What today's bytes are counted by. */
  readonly daily: readonly Claim<Spent>[];
  readonly own: readonly OwnBudget[];
  readonly drawings: readonly Drawing[];
  /** The error for a limit that is reached on the way. */
  readonly exceeded: (claim: LimitReached['claim']) => LimitReached;
  /** What else is given back. */
  readonly onFinish: (completed: boolean) => void;
}

/** The allowance of a transfer that these limits are about. */
export function allowanceOf(parts: AllowanceParts): TransferAllowance {
  const { daily, own, drawings, onFinish } = parts;
  const limited = daily.length + own.length + drawings.length > 0;
  const meter = limited ? new Meter(parts) : undefined;
  return {
    meter,
    get waits() {
      return drawings.map(({ claim, waited: milliseconds }) => ({ claim, milliseconds }));
    },
    finish: (completed) => {
      meter?.close();
      onFinish(completed);
    },
  };
}

class Meter implements TransferMeter {
  readonly #parts: AllowanceParts;
  readonly #today: TodaysBytes | undefined;
  #short: { wait(onChange: () => void): void } | undefined;

  constructor(parts: AllowanceParts) {
    this.#parts = parts;
    if (parts.daily.length > 0) this.#today = new TodaysBytes(parts);
  }

  allow(bytes: number): number {
    const { own, drawings, exceeded } = this.#parts;
    let most = bytes;
    for (const budget of own) {
      most = Math.min(most, budget.left());
      if (most <= 0) throw exceeded(budget.claim);
    }
    for (const drawing of drawings) {
      most = Math.min(most, drawing.available());
      if (most === 0) return this.#wantsOf(drawing);
    }
    if (this.#today !== undefined) {
      most = this.#today.spend(most);
      if (most === 0) return this.#wantsOf(this.#today);
    }
    for (const budget of own) budget.spend(most);
    for (const drawing of drawings) drawing.spend(most);
    return most;
  }

  wait(onChange: () => void): void {
    this.#short?.wait(onChange);
  }

  close(): void {
    for (const drawing of this.#parts.drawings) drawing.close();
    this.#today?.close();
  }

  #wantsOf(short: { wait(onChange: () => void): void }): 0 {
    this.#short = short;
    return 0;
  }
}

/** Bytes of today, as far as this transfer has them: who counts for several processes is asked for many at once. */
class TodaysBytes {
  readonly #parts: AllowanceParts;
  #left = 0;
  #day = '';
  #asked: Promise<void> | undefined;
  #refused: LimitReached | undefined;
  #closed = false;

  constructor(parts: AllowanceParts) {
    this.#parts = parts;
  }

  /** How many of so many bytes may be moved; 0 where the answer is waited for. */
  spend(bytes: number): number {
    if (this.#left === 0) this.#ask(bytes);
    if (this.#refused !== undefined) throw this.#refused;
    const spent = Math.min(bytes, this.#left);
    this.#left -= spent;
    return spent;
  }

  wait(onChange: () => void): void {
    void this.#asked?.then(onChange);
  }

  close(): void {
    this.#closed = true;
    this.#giveBack();
  }

  #ask(bytes: number): void {
    if (this.#asked !== undefined) return;
    const { counts, daily } = this.#parts;
    const spending = counts.spend(daily, Math.max(bytes, counts.block), 1);
    if (!(spending instanceof Promise)) return this.#take(spending);
    this.#asked = spending.then((answer) => {
      this.#asked = undefined;
      this.#take(answer);
      if (this.#closed) this.#giveBack();
    });
  }

  #take(spending: Spending): void {
    if ('refused' in spending) this.#refused = this.#parts.exceeded(spending.refused);
    else {
      this.#left += spending.spent;
      this.#day = spending.day;
    }
  }

  #giveBack(): void {
    if (this.#left > 0) this.#parts.counts.giveBack(this.#parts.daily, this.#left, this.#day);
    this.#left = 0;
  }
}
