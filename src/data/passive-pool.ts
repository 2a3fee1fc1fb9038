/**
 * The passive range: every port is bound at start and stays bound as long as it is configured, so that the range is a promise to firewalls. A
 * session leases an expectation; the connection that matches takes it ({@link Arrivals}). Connections that nobody expects are closed
 * without a word. Knows nothing of FTP.
 */
import type { Socket } from 'node:net';
import { type Endpoint, endpoint } from '../net/address.ts';
import { type Listener, listen } from '../net/listener.ts';
import type { OpenSockets } from '../net/open-sockets.ts';
import type { PreparedChange } from '../net/prepared-change.ts';
import { Arrivals, type ArrivalsOptions, type Arrived, type Claimant, type Expectation } from './arrivals.ts';
import { BoundPorts, type Place } from './bound-ports.ts';

/** Other gateways that are given connections to the same ports. */
export interface Elsewhere {
  /** Whether a connection to this port may belong to a session of another gateway. */
  concerns(port: number): boolean;
  /** Finds out whose it is, and hands it over; closes it where there is nobody. Never rejects. */
  lead(port: number, arrived: Arrived): Promise<void>;
  /**
   * Asks the others whether a session may wait on a port that it would share with theirs. Resolves with what must be called when it waits
   * no longer; with undefined where the signal fires before. Never rejects.
   */
  turn(claimant: Claimant, signal: AbortSignal): Promise<(() => void) | undefined>;
}

export interface PassivePoolOptions extends Omit<ArrivalsOptions, 'onReleased'> {
  /** Addresses to bind each port on. */
  readonly addresses: readonly string[];
  /** Ports that are bound beside those that sessions are given. */
  readonly morePorts?: readonly number[];
  /** Milliseconds. */
  readonly keepAlive: number;
  /** Milliseconds that a session waits for a port. */
  readonly wait: number;
  readonly sockets: OpenSockets;
  /** Finds out the real ends of a connection; undefined when it has closed it. Default: those of the socket. */
  readonly identify?: (socket: Socket) => Promise<{ readonly client: Endpoint; readonly local: Endpoint } | undefined>;
  readonly elsewhere?: Elsewhere;
  readonly onError: (error: Error) => void;
}

/** How much of the range is in use. */
export interface PassiveUsage {
  readonly ports: readonly number[];
  /** Ports with nobody waiting. */
  readonly free: number;
  /** Data connections that are waited for. */
  readonly waiting: number;
}

export class PassivePool {
  /** Who waits for data connections, and is led to. */
  readonly arrivals: Arrivals;
  /** Sessions that wait for a port, in order; each tries to lease one. */
  readonly #waiters = new Set<() => void>();
  readonly #bound = new BoundPorts();
  #options: PassivePoolOptions;

  /** A pool without any port: see {@link prepare}. */
  constructor(options: PassivePoolOptions) {
    this.#options = options;
    this.arrivals = new Arrivals({ ...this.#arrivalsOptions(options), ports: [] });
  }

  /**
   * Binds the ports that are new in these options, or rejects with Node's error for the first that cannot be bound, with none of them
   * bound. Nobody is led to them before the change is in force. Then ports that are gone are unbound, each when nobody waits on it
   * any more.
   */
  async prepare(options: PassivePoolOptions): Promise<PreparedChange> {
    const all = [...new Set([...options.ports, ...(options.morePorts ?? [])])];
    const places = all.flatMap((port) => options.addresses.map((address) => ({ port, address })));
    const ports = await this.#bound.prepare(places, (place) => this.#listen(place));
    const commit = () => {
      ports.commit();
      this.#options = options;
      this.arrivals.change(this.#arrivalsOptions(options));
      this.#closeUnused();
      this.#serveWaiters();
    };
    return { ...ports, commit };
  }

  /**
   * Leases a port. Where every port could be taken for somebody else's, waits until one is free: setting a data connection
   * up takes milliseconds. Undefined when none is free in time, or when the signal fires.
   */
  async expect(claimant: Claimant, signal: AbortSignal): Promise<Expectation | undefined> {
    const { elsewhere, wait } = this.#options;
    if (elsewhere === undefined) return this.#expect(claimant, signal);
    const leave = await elsewhere.turn(claimant, AbortSignal.any([signal, AbortSignal.timeout(wait)]));
    if (leave === undefined) return undefined;
    const expectation = await this.#expect(claimant, signal, leave);
    if (expectation === undefined) leave();
    return expectation;
  }

  get usage(): PassiveUsage {
    const { size, freePorts } = this.arrivals;
    return { free: freePorts, waiting: size, ports: this.#options.ports };
  }

  /** Unbinds all ports. */
  async close(): Promise<void> {
    await this.#bound.close();
  }

  async #expect(claimant: Claimant, signal: AbortSignal, leave?: () => void): Promise<Expectation | undefined> {
    const expectation = this.arrivals.expect(claimant, leave);
    if (expectation !== undefined || signal.aborted) return expectation;
    return new Promise((resolve) => {
      const waiter = () => {
        const leased = this.arrivals.expect(claimant, leave);
        if (leased !== undefined) settle(leased);
      };
      const settle = (leased: Expectation | undefined) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', giveUp);
        this.#waiters.delete(waiter);
        resolve(leased);
      };
      const giveUp = () => settle(undefined);
      const timer = setTimeout(giveUp, this.#options.wait);
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiters.add(waiter);
    });
  }

  #arrivalsOptions(options: PassivePoolOptions): ArrivalsOptions {
    return { ...options, onReleased: (port) => this.#released(port) };
  }

  #listen({ port, address }: Place): Promise<Listener> {
    const { keepAlive, sockets, onError } = this.#options;
    const onConnection = (socket: Socket) => void this.#accept(port, socket);
    return listen({ address, port, keepAlive, readAhead: false, sockets, onConnection, onError });
  }

  async #accept(port: number, socket: Socket): Promise<void> {
    socket.on('error', () => {});
    const { identify, elsewhere } = this.#options;
    const ends = identify === undefined ? endsOf(socket) : await identify(socket);
    if (ends === undefined) return;
    const arrived = { socket, peer: ends.client, local: ends.local };
    if (elsewhere?.concerns(port) === true) await elsewhere.lead(port, arrived);
    else await this.arrivals.find(port, arrived);
  }

  #released(port: number): void {
    if (!this.#options.ports.includes(port)) this.#closeUnused();
    this.#serveWaiters();
  }

  #closeUnused(): void {
    this.#bound.closeUnused((port) => this.arrivals.isAwaited(port));
  }

  #serveWaiters(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }
}

function endsOf(socket: Socket) {
  return {
    client: endpoint(socket.remoteAddress, socket.remotePort),
    local: endpoint(socket.localAddress, socket.localPort),
  };
}
