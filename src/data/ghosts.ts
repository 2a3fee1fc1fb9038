/**
 * Where a data connection may still come that nobody waits for any more: its session has given it up. Other gateways on the same ports
 * must not take it for one of theirs. Pure.
 */

/** More are forgotten, the oldest first. */
const MOST = 10_000;

export class Ghosts {
  /** Until when, by place; the oldest first. */
  readonly #until = new Map<string, number>();

  /** From now on, for `milliseconds`. */
  add(place: string, milliseconds: number, now = performance.now()): void {
    this.#until.delete(place);
    this.#until.set(place, now + milliseconds);
    for (const [each, until] of this.#until) {
      if (until > now && this.#until.size <= MOST) break;
      this.#until.delete(each);
    }
  }

  /** All places, the oldest first. */
  places(now = performance.now()): readonly string[] {
    return [...this.#until].flatMap(([place, until]) => (until > now ? [place] : []));
  }

  has(place: string, now = performance.now()): boolean {
    return (this.#until.get(place) ?? 0) > now;
  }
}
