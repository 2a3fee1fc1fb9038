/**
 * What was said to a replica and must not be lost with the connection: said again over the next one, since nobody knows what has arrived. Whoever
 * hears it twice heeds it once. Pure.
 */
import type { Question } from './messages.ts';

/**
 * For how long a connection is missing at most between two replicas that can reach each other (milliseconds): the longest pause between
 * two attempts, and one of them.
 */
export const LONGEST_ABSENCE = 8000;
/** For how long a notice counts (milliseconds): before that the network may have been gone for a while. */
const LIFE = 30_000;
/** More are forgotten, the oldest first. */
const MOST = 5000;

export class Notices {
  readonly #kept = new Set<{ readonly notice: Question; readonly until: number }>();

  keep(notice: Question, now = performance.now()): void {
    for (const kept of this.#kept) {
      if (kept.until > now && this.#kept.size < MOST) break;
      this.#kept.delete(kept);
    }
    this.#kept.add({ notice, until: now + LIFE });
  }

  /** Those that still count, in order. */
  recent(now = performance.now()): readonly Question[] {
    return [...this.#kept].filter(({ until }) => until > now).map(({ notice }) => notice);
  }
}
