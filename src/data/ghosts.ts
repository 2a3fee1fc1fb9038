/**
 * Where a data connection may still come that nobody waits for any more: its session has given it up. Nobody else must take it for
 * his: neither another session here, nor one of another gateway on the same ports. Pure.
 */

/** More places are forgotten, the oldest first. */
const MOST = 10_000;

/** One session has given a connection up. */
interface Ghost {
  /** May be long gone. */
  readonly session: WeakRef<object>;
  readonly until: number;
}

export class Ghosts {
  /** By place, the last one of each of two sessions: whoever asks, one of them is another's. The oldest place first. */
  readonly #ghosts = new Map<string, readonly Ghost[]>();

  /** From now on, for `milliseconds`. */
  add(place: string, session: object, milliseconds: number, now = performance.now()): void {
    const others = (this.#ghosts.get(place) ?? []).filter((ghost) => ghost.session.deref() !== session);
    this.#ghosts.delete(place);
    this.#ghosts.set(place, [...others.slice(-1), { session: new WeakRef(session), until: now + milliseconds }]);
    for (const [each, ghosts] of this.#ghosts) {
      if (isThere(ghosts, now) && this.#ghosts.size <= MOST) break;
      this.#ghosts.delete(each);
    }
  }

  /** All places, the oldest first. */
  places(now = performance.now()): readonly string[] {
    return [...this.#ghosts].flatMap(([place, ghosts]) => (isThere(ghosts, now) ? [place] : []));
  }

  /** Whether one may come to this port, from anywhere; a place is called by its port, and the address where that counts. */
  hasPort(port: number): boolean {
    return this.places().some((place) => place.split(' ')[0] === `${port}`);
  }

  /** Whether one may come there; `notOf`: other than one that this session has given up. */
  has(place: string, notOf: object | null, now = performance.now()): boolean {
    const others = (this.#ghosts.get(place) ?? []).filter(({ session }) => notOf === null || session.deref() !== notOf);
    return isThere(others, now);
  }
}

function isThere(ghosts: readonly Ghost[], now: number): boolean {
  return ghosts.some(({ until }) => until > now);
}
