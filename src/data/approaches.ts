/**
 * Connections that are there and whose session is not known yet. On a shared port a client may say who it is only after
 * 150 (Python, lftp), and 150 is said only to a client that is there: so a waiting session may count on one such
 * connection, each connection being counted on once. Pure.
 */

interface Approach {
  countedOn: boolean;
}

export class Approaches {
  readonly #connections = new Map<string, Set<Approach>>();
  readonly #waiting = new Map<string, Set<() => void>>();

  /** A connection is there. Returns what must be called when it is known whose it is, or when it is closed. */
  begin(place: string): () => void {
    const approach: Approach = { countedOn: false };
    const here = this.#connections.get(place) ?? new Set();
    this.#connections.set(place, here.add(approach));
    const [first] = this.#waiting.get(place) ?? [];
    if (first !== undefined) {
      approach.countedOn = true;
      this.#stopWaiting(place, first);
      first();
    }
    return () => {
      here.delete(approach);
      if (here.size === 0 && this.#connections.get(place) === here) this.#connections.delete(place);
    };
  }

  /** Calls back, at once or later, when there is a connection to count on. Returns what gives up waiting. */
  wait(place: string, callback: () => void): () => void {
    for (const approach of this.#connections.get(place) ?? []) {
      if (approach.countedOn) continue;
      approach.countedOn = true;
      callback();
      return () => {};
    }
    const waiting = this.#waiting.get(place) ?? new Set();
    this.#waiting.set(place, waiting.add(callback));
    return () => this.#stopWaiting(place, callback);
  }

  #stopWaiting(place: string, callback: () => void): void {
    const waiting = this.#waiting.get(place);
    waiting?.delete(callback);
    if (waiting?.size === 0) this.#waiting.delete(place);
  }
}
