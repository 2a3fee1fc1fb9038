/**
 * Who may wait on the port that all replicas share, for clients of one address: one after the other, or together those that TLS can tell
 * apart for sure. One replica keeps the order for all. Pure.
 */

interface Request {
  readonly distinct: boolean;
  readonly grant: () => void;
}

interface Order {
  readonly holders: Set<Request>;
  readonly queue: Set<Request>;
}

export class Turns {
  readonly #orders = new Map<string, Order>();

  /**
   * Asks for a turn at a place; `grant` is called at once or later. `distinct`: the client may share with others who are. Returns what
   * gives the turn back, or the request up. Idempotent.
   */
  request(place: string, distinct: boolean, grant: () => void): () => void {
    const order = this.#orders.get(place) ?? { holders: new Set(), queue: new Set() };
    this.#orders.set(place, order);
    const request = { distinct, grant };
    order.queue.add(request);
    serve(order);
    return () => {
      const was = order.holders.delete(request) || order.queue.delete(request);
      if (!was) return;
      serve(order);
      if (order.holders.size + order.queue.size === 0 && this.#orders.get(place) === order) this.#orders.delete(place);
    };
  }
}

/** In the order in which they came. */
function serve({ holders, queue }: Order): void {
  for (const request of queue) {
    const free = holders.size === 0 || (request.distinct && [...holders].every(({ distinct }) => distinct));
    if (!free) return;
    queue.delete(request);
    holders.add(request);
    request.grant();
  }
}
