/**
 * The passive range: every port is bound at start and stays bound as long as it is configured, so that the range is a promise to firewalls. A
 * session leases an expectation; the connection that matches takes it, by port and address, or by the TLS session that its
 * ClientHello names. Connections that nobody expects are closed without a word. Knows nothing of FTP.
 */
import { randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import { canonicalAddress, type Endpoint, endpoint } from '../net/address.ts';
import { type Listener, listen } from '../net/listener.ts';
import type { OpenSockets } from '../net/open-sockets.ts';
import type { PreparedChange } from '../net/prepared-change.ts';
import type { ClientHello } from '../wire/client-hello.ts';
import { Approaches } from './approaches.ts';
import { BoundPorts, type Place } from './bound-ports.ts';
import { Crowd } from './crowd.ts';
import { peekClientHello } from './peek-client-hello.ts';
import { type Entry, type Identity, Rendezvous } from './rendezvous.ts';

/**
 * Why a connection to a passive port was closed. `unexpected`: nobody waits for it. `unidentified`: several wait, or the
 * address is another one, and its ClientHello names no session that waits here. `unproven`: it named one, and could not
 * resume it. `overload`: too many are being looked at.
 */
export type UnclaimedCause = 'unexpected' | 'unidentified' | 'unproven' | 'overload';

export interface PassivePoolOptions {
  /** Addresses to bind each port on. */
  readonly addresses: readonly string[];
  readonly ports: readonly number[];
  readonly peer: 'match' | 'any';
  /** Milliseconds. */
  readonly keepAlive: number;
  /** Milliseconds that a session waits for a port. */
  readonly wait: number;
  /** Milliseconds in which a connection that must be identified shows its ClientHello. */
  readonly identification: number;
  readonly sockets: OpenSockets;
  /** Finds out the real other end of a connection; undefined when it has closed it. Default: that of the socket. */
  readonly identify?: (socket: Socket) => Promise<Endpoint | undefined>;
  readonly onUnclaimed: (port: number, address: string, cause: UnclaimedCause) => void;
  readonly onError: (error: Error) => void;
}

/** Who waits for a data connection. */
export interface Claimant {
  readonly address: string;
  /** Tells by a ClientHello whether the connection is his; undefined where he cannot resume the session of his control connection. */
  readonly recognises: ((hello: ClientHello) => boolean) | undefined;
  readonly identity: Identity;
}

/** A data connection that is there. `peer`: its real other end, also behind a balancer. */
export interface Arrived {
  readonly socket: Socket;
  readonly peer: Endpoint;
}

/** A data connection that a session waits for: a lease, to be released once or more. */
export interface Expectation {
  readonly port: number;
  /** Whether only a resumed TLS session proves that a connection is the right one. */
  readonly proofRequired: boolean;
  /**
   * Calls back with the connection, paused, once it is there; with every connection that shows the right TLS session while
   * proof is required, until the lease is released. To be called at once.
   */
  onArrival(callback: (arrived: Arrived) => void): void;
  /** Resolves when a connection is there that may be the one, though TLS has not said yet whose it is. */
  approached(): Promise<void>;
  /** Closes a connection that could not prove itself. */
  disown(arrived: Arrived): void;
  /** Gives the port back; a connection that has arrived is the caller's. */
  release(): void;
}

/** How much of the range is in use. */
export interface PassiveUsage {
  readonly ports: readonly number[];
  /** Ports with nobody waiting. */
  readonly free: number;
  /** Data connections that are waited for. */
  readonly waiting: number;
}

interface Waiting {
  readonly claimant: Claimant;
  arrive: (arrived: Arrived) => void;
  /** Counts on no connection any more. */
  settle: () => void;
  /** Counts on another connection, where it still waits for one: that on which it counted has shown what it is. */
  countAnew: () => void;
}

/** Connections that are looked at for a ClientHello at a time; a port scan must not hold more. */
const MAX_UNIDENTIFIED = 512;

export class PassivePool {
  readonly #rendezvous: Rendezvous<Waiting>;
  readonly #approaches = new Approaches();
  readonly #unidentified = new Crowd(MAX_UNIDENTIFIED);
  /** Sessions that wait for a port, in order; each tries to lease one. */
  readonly #waiters = new Set<() => void>();
  readonly #bound = new BoundPorts();
  #options: PassivePoolOptions;

  /** A pool without any port: see {@link prepare}. */
  constructor(options: PassivePoolOptions) {
    this.#options = options;
    this.#rendezvous = new Rendezvous(rendezvousOptions({ ...options, ports: [] }));
  }

  /**
   * Binds the ports that are new in these options, or rejects with Node's error for the first that cannot be bound, with none of them
   * bound. Nobody is led to them before the change is in force. Then ports that are gone are unbound, each when nobody waits on it
   * any more.
   */
  async prepare(options: PassivePoolOptions): Promise<PreparedChange> {
    const places = options.ports.flatMap((port) => options.addresses.map((address) => ({ port, address })));
    const ports = await this.#bound.prepare(places, (place) => this.#listen(place));
    const commit = () => {
      ports.commit();
      this.#options = options;
      this.#rendezvous.change(rendezvousOptions(options));
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
    const expectation = this.#lease(claimant);
    if (expectation !== undefined || signal.aborted) return expectation;
    return new Promise((resolve) => {
      const waiter = () => {
        const leased = this.#lease(claimant);
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

  #lease(claimant: Claimant): Expectation | undefined {
    const address = canonicalAddress(claimant.address);
    const waiting: Waiting = {
      claimant,
      arrive: ({ socket }) => socket.destroy(),
      settle: () => {},
      countAnew: () => {},
    };
    const entry = this.#rendezvous.reserve(address, claimant.identity, () => waiting);
    if (entry === undefined) return undefined;
    return {
      port: entry.port,
      get proofRequired() {
        return entry.proofRequired;
      },
      onArrival: (callback) => {
        waiting.arrive = callback;
      },
      disown: ({ socket, peer }) => this.#close(entry.port, peer.address, socket, 'unproven'),
      approached: () =>
        new Promise((resolve) => {
          const approached = () => {
            waiting.countAnew = () => {};
            resolve();
          };
          waiting.countAnew = () => {
            waiting.settle();
            waiting.settle = this.#approaches.wait(this.#place(entry.port, address), approached);
          };
          waiting.countAnew();
        }),
      release: () => {
        waiting.settle();
        this.#release(entry);
      },
    };
  }

  get usage(): PassiveUsage {
    const { size, freePorts } = this.#rendezvous;
    return { free: freePorts, waiting: size, ports: this.#options.ports };
  }

  /** Unbinds all ports. */
  async close(): Promise<void> {
    await this.#bound.close();
  }

  #listen({ port, address }: Place): Promise<Listener> {
    const { keepAlive, sockets, onError } = this.#options;
    const onConnection = (socket: Socket) => void this.#accept(port, socket);
    return listen({ address, port, keepAlive, readAhead: false, sockets, onConnection, onError });
  }

  #closeUnused(): void {
    this.#bound.closeUnused((port) => this.#rendezvous.isAwaited(port));
  }

  /** Finds the session of a connection. Never rejects. */
  async #accept(port: number, socket: Socket): Promise<void> {
    socket.on('error', () => {});
    const { identify } = this.#options;
    const peer = identify === undefined ? endpoint(socket.remoteAddress, socket.remotePort) : await identify(socket);
    if (peer === undefined) return;
    const { address } = peer;
    const match = this.#rendezvous.match(port, address);
    if (match.kind === 'one') return this.#give(match.entry, { socket, peer });
    if (match.kind === 'nobody') return this.#close(port, address, socket, 'unexpected');
    const place = this.#unidentified.enter(address);
    const known = this.#approaches.begin(this.#place(port, address));
    const late = AbortSignal.timeout(this.#options.identification);
    const hello = await peekClientHello(socket, AbortSignal.any([late, place.pushedOut]));
    place.leave();
    known();
    const entry = hello === undefined ? undefined : this.#recognise(port, hello);
    if (place.pushedOut.aborted) this.#close(port, address, socket, 'overload');
    else if (entry === undefined) this.#close(port, address, socket, 'unidentified');
    else this.#give(entry, { socket, peer });
  }

  /** Who of those that wait by now is meant by the hello; the handshake must prove it. */
  #recognise(port: number, hello: ClientHello): Entry<Waiting> | undefined {
    const candidates = this.#rendezvous.candidates(port);
    const entry = candidates.find(({ value }) => value.claimant.recognises?.(hello) === true);
    if (entry !== undefined) entry.proofRequired = true;
    return entry;
  }

  /** Where a connection and a session can be meant for each other. */
  #place(port: number, address: string): string {
    return this.#options.peer === 'any' ? `${port}` : `${port} ${address}`;
  }

  #give(entry: Entry<Waiting>, arrived: Arrived): void {
    // Whoever only shows the session of a client must not take the client's place.
    if (entry.proofRequired) entry.value.countAnew();
    else {
      // What it counted on meanwhile may have been another one's connection.
      entry.value.settle();
      this.#release(entry);
    }
    entry.value.arrive(arrived);
  }

  #release(entry: Entry<Waiting>): void {
    this.#rendezvous.release(entry);
    if (!this.#options.ports.includes(entry.port)) this.#closeUnused();
    this.#serveWaiters();
  }

  #serveWaiters(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }

  #close(port: number, address: string, socket: Socket, cause: UnclaimedCause): void {
    this.#options.onUnclaimed(port, address, cause);
    socket.destroy();
  }
}

function rendezvousOptions({ ports, peer }: PassivePoolOptions) {
  return { ports, peer, random: (limit: number) => randomInt(limit) };
}
