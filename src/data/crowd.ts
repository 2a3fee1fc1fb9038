/**
 * A bounded number of connections that have not yet shown who they are. One more pushes the oldest of those out that come from
 * the address with the most: whoever holds many open is in his own way, and not in that of others. Pure.
 */

/** A place in the crowd. */
export interface Place {
  /** Fires when the place is needed for somebody else. */
  readonly pushedOut: AbortSignal;
  /** Gives the place back. Idempotent. */
  leave(): void;
}

export class Crowd {
  readonly #limit: number;
  readonly #byAddress = new Map<string, Set<AbortController>>();
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  enter(address: string): Place {
    if (this.#size >= this.#limit) this.#makeWay();
    const place = new AbortController();
    const here = this.#byAddress.get(address) ?? new Set();
    this.#byAddress.set(address, here.add(place));
    this.#size++;
    return { pushedOut: place.signal, leave: () => this.#leave(address, place) };
  }

  #makeWay(): void {
    let most: { readonly address: string; readonly places: Set<AbortController> } | undefined;
    for (const [address, places] of this.#byAddress) {
      if (places.size > (most?.places.size ?? 0)) most = { address, places };
    }
    const [oldest] = most?.places ?? [];
    if (most === undefined || oldest === undefined) return;
    this.#leave(most.address, oldest);
    oldest.abort();
  }

  #leave(address: string, place: AbortController): void {
    const here = this.#byAddress.get(address);
    if (here?.delete(place) !== true) return;
    this.#size--;
    if (here.size === 0) this.#byAddress.delete(address);
  }
}
