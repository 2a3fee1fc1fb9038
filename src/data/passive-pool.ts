/**
 * The passive range: every port is bound once at start and stays bound, so that the range is a promise to firewalls. A
 * session leases an expectation; the first matching connection takes it. Connections that nobody expects are closed
 * without a word. Knows nothing of TLS and of FTP.
 */
import { randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import { canonicalAddress } from '../net/address.ts';
import { type Listener, listen } from '../net/listener.ts';
import type { OpenSockets } from '../net/open-sockets.ts';
import { Rendezvous } from './rendezvous.ts';

export interface PassivePoolOptions {
  /** Addresses to bind each port on. */
  readonly addresses: readonly string[];
  readonly ports: { readonly first: number; readonly last: number };
  /** Milliseconds. */
  readonly keepAlive: number;
  readonly sockets: OpenSockets;
  /** A connection that no session expected. */
  readonly onUnclaimed: (port: number, address: string) => void;
  readonly onError: (error: Error) => void;
}

/** A data connection that a session waits for: a lease, to be released exactly once or more. */
export interface Expectation {
  readonly port: number;
  /** The connection, paused, once it is there. Never settles when the lease is released before. */
  readonly arrival: Promise<Socket>;
  /** Frees the port for this address; a connection that has arrived is the caller's. */
  release(): void;
}

interface Waiting extends Expectation {
  readonly arrive: (socket: Socket) => void;
}

export class PassivePool {
  readonly #rendezvous: Rendezvous<Waiting>;
  readonly #portCount: number;
  readonly #onUnclaimed: (port: number, address: string) => void;
  #listeners: readonly Listener[] = [];

  private constructor(options: PassivePoolOptions) {
    const { first, last } = options.ports;
    const ports = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    this.#portCount = ports.length;
    this.#rendezvous = new Rendezvous(ports, (limit) => (limit > 0 ? randomInt(limit) : 0));
    this.#onUnclaimed = options.onUnclaimed;
  }

  /** Binds the whole range, or rejects with Node's error for the first port that cannot be bound, with none bound. */
  static async open(options: PassivePoolOptions): Promise<PassivePool> {
    const pool = new PassivePool(options);
    const { first, last } = options.ports;
    const listeners: Listener[] = [];
    try {
      for (let port = first; port <= last; port++) {
        for (const address of options.addresses) {
          listeners.push(
            await listen({
              address,
              port,
              keepAlive: options.keepAlive,
              sockets: options.sockets,
              onConnection: (socket) => pool.#accept(port, socket),
              onError: options.onError,
            }),
          );
        }
      }
    } catch (error) {
      await Promise.all(listeners.map((listener) => listener.close()));
      throw error;
    }
    pool.#listeners = listeners;
    return pool;
  }

  /** Leases a port for a connection from this client; undefined when all ports wait for this client already. */
  expect(clientAddress: string): Expectation | undefined {
    const address = canonicalAddress(clientAddress);
    return this.#rendezvous.reserve(address, (port) => {
      const { promise, resolve } = Promise.withResolvers<Socket>();
      return { port, arrival: promise, arrive: resolve, release: () => this.#release(port, address, promise) };
    });
  }

  /** How many ports have nobody waiting, and how many data connections are waited for. */
  get usage(): { readonly free: number; readonly waiting: number; readonly ports: number } {
    const { size, freePorts } = this.#rendezvous;
    return { free: freePorts, waiting: size, ports: this.#portCount };
  }

  /** Unbinds all ports. */
  async close(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  #release(port: number, address: string, lease: Promise<Socket>): void {
    // Another session may hold the same pair by now.
    if (this.#rendezvous.peek(port, address)?.arrival === lease) this.#rendezvous.release(port, address);
  }

  #accept(port: number, socket: Socket): void {
    const address = canonicalAddress(socket.remoteAddress ?? '');
    const waiting = this.#rendezvous.claim(port, address);
    if (waiting !== undefined) return waiting.arrive(socket);
    this.#onUnclaimed(port, address);
    socket.on('error', () => {});
    socket.destroy();
  }
}
