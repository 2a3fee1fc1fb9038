/**
 * Connections that are there and whose session is not known yet. On a shared port a client may say who it is only after
 * 150 (Python, lftp), and 150 is said only to a client that is there: so a waiting session may count on one such
 * connection, each connection being counted on once. Pure.
 */

interface Approach {
  /** Who counts on it. */
  by: Waiter | undefined;
}

interface Waiter {
  readonly callback: () => void;
  on: Approach | undefined;
}

export class Approaches {
  readonly #connections = new Map<string, Set<Approach>>();
  readonly #waiting = new Map<string, Set<Waiter>>();

  /** A connection is there. Returns what must be called when it is known whose it is, or when it is closed. */
  begin(place: string): () => void {
    const approach: Approach = { by: undefined };
    const here = this.#connections.get(place) ?? new Set();
    this.#connections.set(place, here.add(approach));
    this.#offer(place, approach);
    return () => {
      here.delete(approach);
      if (here.size === 0 && this.#connections.get(place) === here) this.#connections.delete(place);
    };
  }

  /**
   * Calls back, at once or later, when there is a connection to count on. Returns what gives up waiting, and lets another
   * one count on the connection: to be called when the right one is known, too, for it may have been another's.
   */
  wait(place: string, callback: () => void): () => void {
    const waiter: Waiter = { callback, on: undefined };
    const free = [...(this.#connections.get(place) ?? [])].find(({ by }) => by === undefined);
    const waiting = this.#waiting.get(place) ?? new Set();
    this.#waiting.set(place, waiting.add(waiter));
    if (free !== undefined) this.#offer(place, free, waiter);
    return () => {
      this.#stopWaiting(place, waiter);
      const { on } = waiter;
      waiter.on = undefined;
      if (on === undefined) return;
      on.by = undefined;
      if (this.#connections.get(place)?.has(on)) this.#offer(place, on);
    };
  }

  /** Lets a waiter, the first unless told, count on a connection. */
  #offer(place: string, approach: Approach, waiter = [...(this.#waiting.get(place) ?? [])][0]): void {
    if (waiter === undefined) return;
    this.#stopWaiting(place, waiter);
    approach.by = waiter;
    waiter.on = approach;
    waiter.callback();
  }

  #stopWaiting(place: string, waiter: Waiter): void {
    const waiting = this.#waiting.get(place);
    waiting?.delete(waiter);
    if (waiting?.size === 0) this.#waiting.delete(place);
  }
}
