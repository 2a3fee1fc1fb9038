/**
 * Leads data connections that have arrived to the sessions that wait for them: by port and address, or by the TLS session that their
 * ClientHello names. Also tells other gateways on the same ports who waits here, and lets them hand connections over. Binds nothing, and
 * knows nothing of FTP.
 */
import { randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import { canonicalAddress, type Endpoint } from '../net/address.ts';
import type { ClientHello } from '../wire/client-hello.ts';
import { Approaches } from './approaches.ts';
import { Ghosts } from './ghosts.ts';
import type { Passage } from './passage.ts';
import type { Prospect } from './prospect.ts';
import { type Entry, type Identity, Rendezvous } from './rendezvous.ts';
import type { UnclaimedCause } from './unclaimed.ts';
import { Unidentified } from './unidentified.ts';

export interface ArrivalsOptions {
  /** Ports that sessions are given. */
  readonly ports: readonly number[];
  readonly peer: 'match' | 'any';
  /** Milliseconds in which a connection that must be identified shows its ClientHello. */
  readonly identification: number;
  /** Milliseconds for which a connection may come that its session has given up. */
  readonly lateness: number;
  /** Whether such a one is in doubt here, too: sessions of its address must prove by TLS that a connection is theirs. */
  readonly doubtsLate: boolean;
  readonly onUnclaimed: (port: number, address: string, cause: UnclaimedCause) => void;
  /** Somebody waits on this port no longer. */
  readonly onReleased: (port: number) => void;
}

/** Who waits for a data connection. */
export interface Claimant {
  readonly address: string;
  /** Stands for the session, which may come for one connection after the other. */
  readonly session: object;
  /** Tells by a ClientHello whether the connection is his; undefined where he cannot resume the session of his control connection. */
  readonly recognises: ((hello: ClientHello) => boolean) | undefined;
  readonly identity: Identity;
}

/** A data connection that is there. `peer` and `local`: its real ends, also behind a balancer or another gateway. */
export interface Arrived {
  readonly socket: Socket;
  readonly peer: Endpoint;
  readonly local: Endpoint;
  /** Where it comes through another gateway. */
  readonly passage?: Passage | undefined;
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
  /** Gives the port back; a connection that has arrived is the caller's. `unused`: the right one never came; it may, unless one was disowned. */
  release(how: 'used' | 'unused'): void;
}

/** Takes a connection over, for somebody who is meant by it. Closes it where he waits no longer. */
export type Claim = (arrived: Arrived) => void;

interface Waiting {
  readonly claimant: Claimant;
  /** A connection was closed that may have been the right one. */
  isRefused: boolean;
  arrive: (arrived: Arrived) => void;
  /** Counts on no connection any more. */
  settle: () => void;
  /** Counts on another connection, where it still waits for one: that on which it counted has shown what it is. */
  countAnew: () => void;
}

export class Arrivals {
  readonly #rendezvous: Rendezvous<Waiting>;
  readonly #approaches = new Approaches();
  readonly #ghosts = new Ghosts();
  readonly #unidentified = new Unidentified();
  #options: ArrivalsOptions;

  constructor(options: ArrivalsOptions) {
    this.#options = options;
    this.#rendezvous = new Rendezvous(rendezvousOptions(options));
  }

  /** From now on ports are picked from these; who waits on another one goes on waiting. */
  change(options: ArrivalsOptions): void {
    this.#options = options;
    this.#rendezvous.change(rendezvousOptions(options));
  }

  /** How many data connections are expected. */
  get size(): number {
    return this.#rendezvous.size;
  }

  /** How many ports have nobody waiting on them. */
  get freePorts(): number {
    return this.#rendezvous.freePorts;
  }

  /** Whether anybody waits on this port. */
  isAwaited(port: number): boolean {
    return this.#rendezvous.isAwaited(port);
  }

  /** Leases a port; undefined where every one could be taken for somebody else's. `onReleased` is called when it is given back. */
  expect(claimant: Claimant, onReleased: () => void = () => {}): Expectation | undefined {
    const address = canonicalAddress(claimant.address);
    const waiting: Waiting = {
      ...{ claimant, isRefused: false, settle: () => {}, countAnew: () => {} },
      arrive: ({ socket }) => socket.destroy(),
    };
    const isInDoubt = (port: number) => this.#isInDoubt(this.place(port, address), claimant.session);
    const entry = this.#rendezvous.reserve(address, claimant.identity, () => waiting, isInDoubt);
    if (entry === undefined) return undefined;
    return {
      port: entry.port,
      get proofRequired() {
        return entry.proofRequired;
      },
      onArrival: (callback) => {
        waiting.arrive = callback;
      },
      disown: ({ socket, peer }) => {
        waiting.isRefused = true;
        this.close(entry.port, peer.address, socket, 'unproven');
      },
      approached: () =>
        new Promise((resolve) => {
          const approached = () => {
            waiting.countAnew = () => {};
            resolve();
          };
          waiting.countAnew = () => {
            waiting.settle();
            waiting.settle = this.#approaches.wait(this.place(entry.port, address), approached);
          };
          waiting.countAnew();
        }),
      release: (how) => {
        waiting.settle();
        if (how === 'unused' && !waiting.isRefused && this.#rendezvous.holds(entry)) {
          this.#ghosts.add(this.place(entry.port, address), claimant.session, this.#options.lateness);
        }
        this.#release(entry);
        onReleased();
      },
    };
  }

  /** Finds the session of a connection, and closes it where there is none. Never rejects. */
  async find(port: number, arrived: Arrived): Promise<void> {
    const { socket, peer } = arrived;
    this.#doubtLate(port, peer.address);
    const match = this.#rendezvous.match(port, peer.address);
    if (match.kind === 'one') return this.#give(match.entry, arrived);
    if (match.kind === 'nobody') return this.close(port, peer.address, socket, 'unexpected');
    await this.#findByHello(port, arrived, this.#approach(port, peer.address));
  }

  /**
   * Who waits here for a connection, and what takes it over; undefined where nobody does. `isHaunted`: it may be for somebody who has waited at
   * another gateway, and is gone.
   */
  prospect(port: number, address: string, isHaunted = false): Prospect & { readonly claim: Claim | undefined } {
    const here = this.#rendezvous.awaiting(port, address);
    this.#doubtLate(port, address, isHaunted);
    return {
      here: here.length,
      able: this.#rendezvous.candidates(port).length,
      proof: here.some(({ proofRequired }) => proofRequired),
      ghost: isHaunted || this.#ghosts.has(this.place(port, address), null),
      claim: this.#claim(port, address),
    };
  }

  /** Where connections may still come that sessions here have given up; see {@link place}. */
  get ghosts(): Pick<Ghosts, 'places' | 'hasPort'> {
    return this.#ghosts;
  }

  /** What the place is called at which a connection and a session can be meant for each other. */
  place(port: number, address: string): string {
    return this.#options.peer === 'any' ? `${port}` : `${port} ${address}`;
  }

  /**
   * A connection is there that may belong to one of those who wait for this address, or to somebody at another gateway: from now on they
   * must prove it by TLS, and one may count on it. Returns what must be called when it is known whose it is; `closed`: nobody's.
   */
  contest(port: number, address: string): (closed: boolean) => void {
    for (const entry of this.#rendezvous.awaiting(port, address)) entry.proofRequired = true;
    return this.#approach(port, address);
  }

  /** The claim of him who is meant by a hello, of those that wait by now; the handshake must prove it. */
  recognise(port: number, hello: ClientHello): Claim | undefined {
    const entry = this.#recognise(port, hello);
    return entry && ((arrived) => this.#giveIfHeld(entry, arrived));
  }

  /** The hello of a connection; undefined where it shows none, and is closed. Never rejects. */
  async hello(port: number, { socket, peer: { address } }: Arrived): Promise<ClientHello | undefined> {
    const hello = await this.#unidentified.hello(socket, address, this.#options.identification);
    if (typeof hello !== 'string') return hello;
    this.close(port, address, socket, hello);
    return undefined;
  }

  /** Closes a connection that belongs to nobody. */
  close(port: number, address: string, socket: Socket, cause: UnclaimedCause): void {
    this.#options.onUnclaimed(port, address, cause);
    socket.destroy();
  }

  /** Those who wait here may count on a connection that is there. Where it is closed, it pays for one of them: see `isRefused`. */
  #approach(port: number, address: string): (closed: boolean) => void {
    const here = this.#rendezvous.awaiting(port, address);
    const known = this.#approaches.begin(this.place(port, address));
    return (closed) => {
      known();
      const payer = here.find((entry) => !entry.value.isRefused && this.#rendezvous.holds(entry));
      if (closed && payer !== undefined) payer.value.isRefused = true;
    };
  }

  /** Who waits here must prove himself where a connection may be one that another session has given up. */
  #doubtLate(port: number, address: string, isHaunted = false): void {
    const place = this.place(port, address);
    for (const entry of this.#rendezvous.awaiting(port, address)) {
      if (isHaunted || this.#isInDoubt(place, entry.value.claimant.session)) entry.proofRequired = true;
    }
  }

  #isInDoubt(place: string, session: object): boolean {
    return this.#options.doubtsLate && this.#ghosts.has(place, session);
  }

  #claim(port: number, address: string): Claim | undefined {
    const match = this.#rendezvous.match(port, address);
    if (match.kind === 'nobody') return undefined;
    if (match.kind === 'one') return (arrived) => this.#giveIfHeld(match.entry, arrived);
    return (arrived) => {
      void this.#findByHello(port, arrived, this.#approach(port, arrived.peer.address));
    };
  }

  async #findByHello(port: number, arrived: Arrived, known: (closed: boolean) => void): Promise<void> {
    const hello = await this.hello(port, arrived);
    const entry = hello && this.#recognise(port, hello);
    known(entry === undefined);
    if (entry !== undefined) this.#give(entry, arrived);
    else if (hello !== undefined) this.close(port, arrived.peer.address, arrived.socket, 'unidentified');
  }

  #recognise(port: number, hello: ClientHello): Entry<Waiting> | undefined {
    const candidates = this.#rendezvous.candidates(port);
    const entry = candidates.find(({ value }) => value.claimant.recognises?.(hello) === true);
    if (entry !== undefined) entry.proofRequired = true;
    return entry;
  }

  /** Whoever was meant when it arrived may have gone; somebody else who waits there now is not meant by it. */
  #giveIfHeld(entry: Entry<Waiting>, arrived: Arrived): void {
    if (this.#rendezvous.holds(entry)) this.#give(entry, arrived);
    else this.close(entry.port, arrived.peer.address, arrived.socket, 'unexpected');
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
    this.#options.onReleased(entry.port);
  }
}

function rendezvousOptions({ ports, peer }: ArrivalsOptions) {
  return { ports, peer, random: (limit: number) => randomInt(limit) };
}
