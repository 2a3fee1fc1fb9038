/**
 * Which session does a data connection belong to? A table of what is expected on each port of the passive range. The pair
 * of port and client address names the session as long as it is alone there; where several share a pair, or the address is
 * another one, only TLS can tell. Pure: opens nothing, waits for nothing, knows no TLS.
 */

/**
 * What TLS can tell of a client. `none`: nothing. `provable`: it can prove who it is. `distinct`: it has done so before,
 * and is known not to mix the TLS sessions of its control connections up (quirk: curl keeps one cache for all of them), so
 * that it may share a port.
 */
export type Identity = 'none' | 'provable' | 'distinct';

/** One data connection that is expected. */
export interface Entry<T> {
  readonly port: number;
  /** Client address; the same for all where addresses say nothing. */
  readonly address: string;
  readonly identity: Identity;
  /** Whether it must: it shares its port and address, or did; or addresses say nothing. Never taken back. */
  proofRequired: boolean;
  readonly value: T;
}

/** Who may be meant by a connection. */
export type Match<T> =
  /** Port and address say it. */
  | { readonly kind: 'one'; readonly entry: Entry<T> }
  /** TLS must say which of these. */
  | { readonly kind: 'ask'; readonly candidates: readonly Entry<T>[] }
  | { readonly kind: 'nobody' };

export interface RendezvousOptions {
  readonly ports: readonly number[];
  /** `match`: the address of the client counts. `any`: it says nothing, everybody must prove who he is. */
  readonly peer: 'match' | 'any';
  /** A number from 0 to n - 1 that nobody can guess. */
  readonly random: (limit: number) => number;
}

export class Rendezvous<T> {
  readonly #byPort = new Map<number, Set<Entry<T>>>();
  #options: RendezvousOptions;
  #size = 0;

  constructor(options: RendezvousOptions) {
    this.#options = options;
    this.#open(options.ports);
  }

  /** From now on ports are picked from these; who waits on another one goes on waiting. */
  change(options: RendezvousOptions): void {
    this.#options = options;
    this.#open(options.ports);
  }

  /** Whether anybody waits on this port. */
  isAwaited(port: number): boolean {
    return (this.#byPort.get(port)?.size ?? 0) > 0;
  }

  /** How many data connections are expected. */
  get size(): number {
    return this.#size;
  }

  /** How many ports have nobody waiting on them. */
  get freePorts(): number {
    return this.#options.ports.filter((port) => !this.isAwaited(port)).length;
  }

  /**
   * Picks a port: at random among those on which nobody of this address waits; else, for a distinct client, among those
   * that it would share with distinct clients only. Ports that are in doubt are given last. Undefined when there is none.
   */
  reserve(
    address: string,
    identity: Identity,
    create: (port: number) => T,
    isInDoubt: (port: number) => boolean = () => false,
  ): Entry<T> | undefined {
    const { peer, ports } = this.#options;
    if (peer === 'any' && identity === 'none') return undefined;
    const where = peer === 'any' ? '' : address;
    const free = ports.filter((port) => this.#at(port, where).length === 0);
    const shareable = free.length > 0 || identity !== 'distinct' ? [] : this.#leastShared(where);
    const calm = free.filter((port) => !isInDoubt(port));
    const port = this.#pick([calm, free, shareable].find(({ length }) => length > 0) ?? []);
    if (port === undefined) return undefined;
    const neighbours = this.#at(port, where);
    for (const neighbour of neighbours) neighbour.proofRequired = true;
    const proofRequired = peer === 'any' || neighbours.length > 0;
    const entry: Entry<T> = { port, address: where, identity, proofRequired, value: create(port) };
    this.#byPort.get(port)?.add(entry);
    this.#size++;
    return entry;
  }

  /** Who may be meant by a connection to this port from this address. */
  match(port: number, address: string): Match<T> {
    const here = this.#options.peer === 'any' ? [] : this.#at(port, address);
    const [only] = here;
    if (only !== undefined && here.length === 1 && !only.proofRequired) return { kind: 'one', entry: only };
    const candidates = this.candidates(port);
    return candidates.length > 0 ? { kind: 'ask', candidates } : { kind: 'nobody' };
  }

  /** All who wait on a port for a client of this address; for any client where addresses say nothing. */
  awaiting(port: number, address: string): readonly Entry<T>[] {
    return this.#at(port, this.#options.peer === 'any' ? '' : address);
  }

  /** Whether an entry is still in the table. */
  holds(entry: Entry<T>): boolean {
    return this.#byPort.get(entry.port)?.has(entry) === true;
  }

  /** All who wait on a port and can prove by TLS who they are. */
  candidates(port: number): readonly Entry<T>[] {
    return [...(this.#byPort.get(port) ?? [])].filter(({ identity }) => identity !== 'none');
  }

  /** Takes an entry out: its connection is there, or is not expected any more. Idempotent. */
  release(entry: Entry<T>): void {
    if (this.#byPort.get(entry.port)?.delete(entry)) this.#size--;
  }

  #open(ports: readonly number[]): void {
    for (const port of ports) if (!this.#byPort.has(port)) this.#byPort.set(port, new Set());
  }

  #at(port: number, address: string): readonly Entry<T>[] {
    return [...(this.#byPort.get(port) ?? [])].filter((entry) => entry.address === address);
  }

  /** Ports on which everybody of this address is distinct, and fewest wait. */
  #leastShared(address: string): readonly number[] {
    const counts = this.#options.ports.flatMap((port) => {
      const entries = this.#at(port, address);
      return entries.every(({ identity }) => identity === 'distinct') ? [{ port, count: entries.length }] : [];
    });
    const least = Math.min(...counts.map(({ count }) => count));
    return counts.filter(({ count }) => count === least).map(({ port }) => port);
  }

  #pick(ports: readonly number[]): number | undefined {
    return ports.length === 0 ? undefined : ports[this.#options.random(ports.length)];
  }
}
