/**
 * Turns on the port that all replicas share: which replica keeps their order, and asking it.
 */
import { canonicalAddress, withoutZone } from '../net/address.ts';
import type { OutgoingLink } from './outgoing-link.ts';
import { Turns } from './turns.ts';

export interface TurnTakingOptions {
  readonly index: number;
  /** The other replicas. */
  readonly links: () => Iterable<OutgoingLink>;
}

export class TurnTaking {
  readonly #options: TurnTakingOptions;
  /** The order that this replica keeps, as long as it is the one. */
  readonly #turns = new Turns();

  constructor(options: TurnTakingOptions) {
    this.#options = options;
  }

  /** A turn for a client of this address (empty: of any), wherever it is asked for; see `Turns.request`. */
  request(address: string, distinct: boolean, grant: () => void): () => void {
    return this.#turns.request(address, distinct, grant);
  }

  /**
   * Takes a turn for a session of this replica. Resolves with what gives it back, or with undefined where the signal fires before. The
   * replica with the lowest number of those that can be asked keeps the order. Where replicas do not agree who that is, because one has just
   * gone, two sessions may get a turn at once; then TLS must tell them apart.
   */
  async take(address: string, distinct: boolean, signal: AbortSignal): Promise<(() => void) | undefined> {
    const place = withoutZone(canonicalAddress(address));
    while (!signal.aborted) {
      const keeper = this.#keeper;
      const turn = await (keeper?.turn(place, distinct, signal) ?? this.#takeHere(place, distinct, signal));
      if (turn !== undefined) return turn;
    }
    return undefined;
  }

  get #keeper(): OutgoingLink | undefined {
    const up = [...this.#options.links()].filter(({ isUp }) => isUp);
    const [lowest] = up.sort((one, other) => one.index - other.index);
    return lowest !== undefined && lowest.index < this.#options.index ? lowest : undefined;
  }

  async #takeHere(place: string, distinct: boolean, signal: AbortSignal): Promise<(() => void) | undefined> {
    const granted = Promise.withResolvers<boolean>();
    const leave = this.request(place, distinct, () => granted.resolve(true));
    const onAbort = () => granted.resolve(false);
    signal.addEventListener('abort', onAbort, { once: true });
    const isMine = await granted.promise;
    signal.removeEventListener('abort', onAbort);
    if (isMine) return leave;
    leave();
    return undefined;
  }
}
