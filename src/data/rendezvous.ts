/**
 * Which session does a data connection belong to? A table of what is expected on each port of the passive range; the
 * pair of port and client address names the session. Pure: opens nothing, waits for nothing.
 */

/** Expectations of `T`, at most one for each pair of port and client address. */
export class Rendezvous<T> {
  readonly #ports: readonly number[];
  readonly #random: (limit: number) => number;
  readonly #byAddress = new Map<string, Map<number, T>>();
  #size = 0;

  /** `random(n)` gives a number from 0 to n - 1 that nobody can guess. */
  constructor(ports: readonly number[], random: (limit: number) => number) {
    this.#ports = ports;
    this.#random = random;
  }

  /** How many data connections are expected. */
  get size(): number {
    return this.#size;
  }

  /** How many ports have nobody waiting on them. */
  get freePorts(): number {
    const taken = new Set<number>();
    for (const expected of this.#byAddress.values()) for (const port of expected.keys()) taken.add(port);
    return this.#ports.length - taken.size;
  }

  /** Picks a port that nobody at this address waits on, at random among those; undefined when there is none. */
  reserve(address: string, create: (port: number) => T): T | undefined {
    const expected = this.#byAddress.get(address) ?? new Map<number, T>();
    const free = this.#ports.filter((port) => !expected.has(port));
    const port = free[this.#random(free.length)];
    if (port === undefined) return undefined;
    const value = create(port);
    expected.set(port, value);
    this.#byAddress.set(address, expected);
    this.#size++;
    return value;
  }

  /** What is expected from this address on this port. */
  peek(port: number, address: string): T | undefined {
    return this.#byAddress.get(address)?.get(port);
  }

  /** Takes what is expected from this address on this port; undefined when nothing is. */
  claim(port: number, address: string): T | undefined {
    const value = this.peek(port, address);
    if (value !== undefined) this.release(port, address);
    return value;
  }

  /** Forgets an expectation. */
  release(port: number, address: string): void {
    const expected = this.#byAddress.get(address);
    if (!expected?.delete(port)) return;
    this.#size--;
    if (expected.size === 0) this.#byAddress.delete(address);
  }
}
