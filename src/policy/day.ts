/**
 * Which day it is in a time zone. Days differ in length where clocks are changed.
 */

const MINUTE = 60_000;
/** Longer than any day. */
const LONGEST = 26 * 60;

export class Day {
  readonly #clock: () => number;
  #format: Intl.DateTimeFormat;
  /** What is known: the date from this time on until that. */
  #known = { date: '', from: 0, until: 0 };

  /** `clock`: milliseconds since 1970. */
  constructor(timeZone: string, clock: () => number = Date.now) {
    this.#clock = clock;
    this.#format = formatOf(timeZone);
  }

  /** Another time zone. */
  change(timeZone: string): void {
    this.#format = formatOf(timeZone);
    this.#known = { date: '', from: 0, until: 0 };
  }

  /** The date, as in `2026-03-29`. */
  get date(): string {
    const now = this.#clock();
    if (now < this.#known.from || now >= this.#known.until) this.#look(now);
    return this.#known.date;
  }

  /** Asks for the date costs much: that it holds until midnight is found out once. */
  #look(now: number): void {
    const date = this.#format.format(now);
    const minute = Math.floor(now / MINUTE);
    let [same, other] = [minute, minute + LONGEST];
    while (other - same > 1) {
      const middle = Math.floor((same + other) / 2);
      if (this.#format.format(middle * MINUTE) === date) same = middle;
      else other = middle;
    }
    this.#known = { date, from: now, until: other * MINUTE };
  }
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('sv-SE', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
}
