/**
 * A data connection that the backend makes: a listener of its own for each transfer, announced by PORT or EPRT, and the
 * first connection from the backend's address. Whoever else connects there is closed without a word.
 */
import { randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import type { PortRange, TimeoutsConfig } from '../config/schema.ts';
import type { DataLeg } from '../data/leg.ts';
import { GatewayError } from '../errors/errors.ts';
import { type Endpoint, endpoint, familyOf, withoutZone } from '../net/address.ts';
import { type Listener, listen } from '../net/listener.ts';
import type { OpenSockets } from '../net/open-sockets.ts';
import { isOwnAddress } from '../net/own-addresses.ts';
import { describeSocketError } from '../net/socket-errors.ts';
import type { LegFacts } from '../observe/session-observer.ts';
import type { BackendTlsSession } from '../tls/backend-session.ts';
import { formatExtendedPort, formatPassive } from '../wire/host-port.ts';
import { isPositive, type Reply, serializeReply } from '../wire/reply.ts';
import type { ActiveCommand, Backend } from './backend.ts';
import { BackendConnection } from './backend-connection.ts';
import type { BackendData, Start } from './backend-data.ts';
import type { BackendLink, Turn } from './backend-link.ts';

export interface ActiveDataOptions {
  readonly timeouts: TimeoutsConfig;
  readonly sockets: OpenSockets;
  /** In place of the TLS of the link. */
  readonly tls?: BackendTlsSession;
  /** Somebody who is not the backend connected to the port. */
  readonly onUnclaimed: (port: number, address: string) => void;
}

/** Made by the backend, to a port of ours; the listener is opened and announced by the constructor. */
export class ActiveBackendData implements BackendData {
  readonly #link: BackendLink;
  readonly #options: ActiveDataOptions;
  readonly #announced: Promise<void>;
  readonly #arrival = Promise.withResolvers<BackendConnection>();
  readonly #start = Promise.withResolvers<Start>();
  #state: 'expected' | 'arrived' | 'over' = 'expected';
  #listener: Listener | undefined;
  #timer: NodeJS.Timeout | undefined;
  #connection: BackendConnection | undefined;

  constructor(link: BackendLink, options: ActiveDataOptions) {
    this.#link = link;
    this.#options = options;
    this.#announced = this.#announce();
    this.#announced.catch(() => this.#stop());
    this.#arrival.promise.catch(() => {});
    // In clear, and before the backend has connected, nobody waits for it.
    this.#start.promise.catch(() => {});
  }

  get connection(): LegFacts | undefined {
    return this.#connection?.facts;
  }

  get leg(): DataLeg | undefined {
    return this.#connection?.leg;
  }

  /** The backend knows where to connect to. */
  prepared(): Promise<void> {
    return this.#announced;
  }

  begin(start: Promise<Start>): void {
    this.#start.resolve(start);
  }

  async open(): Promise<DataLeg> {
    if (this.#state === 'expected') this.#timer ??= this.#expire();
    return (await this.#arrival.promise).opened;
  }

  reset(): void {
    this.#stop();
    this.#connection?.reset();
  }

  dispose(): void {
    this.#stop();
    this.#connection?.close();
  }

  async #announce(): Promise<void> {
    // The turn is asked for at once: what the client says next stays behind it.
    const turn = await this.#link.takeTurn();
    try {
      const { address, port } = await this.#listen();
      await announce(turn, this.#link.backend, { address, port });
    } finally {
      turn.end();
    }
  }

  /** Opens the listener; what the backend is to be told. */
  async #listen(): Promise<Endpoint> {
    const { address, ports } = this.#link.backend.config.active;
    const told = address ?? this.#link.local.address;
    // Behind NAT the address that the backend is told is none of this host.
    const bound = isOwnAddress(told) ? told : this.#link.local.address;
    if (this.#state === 'over') throw givenUp();
    const listener = await this.#bind(bound, ports);
    if (this.#isOver()) {
      void listener.close();
      throw givenUp();
    }
    this.#listener = listener;
    return { address: withoutZone(told), port: listener.local.port };
  }

  /** Whether it was given up meanwhile. */
  #isOver(): boolean {
    return this.#state === 'over';
  }

  async #bind(address: string, range: PortRange | null): Promise<Listener> {
    const { sockets, timeouts } = this.#options;
    let detail = '';
    for (const port of range === null ? [0] : shuffled(range)) {
      try {
        return await listen({
          address,
          port,
          keepAlive: timeouts.keepalive,
          sockets,
          onConnection: (socket) => this.#accept(socket),
          onError: () => {},
        });
      } catch (error) {
        detail = `${address}: ${describeSocketError(error)}`;
        if (!detail.endsWith('EADDRINUSE')) break;
      }
    }
    throw new GatewayError('backend-data-ports-exhausted', { detail });
  }

  #accept(socket: Socket): void {
    const { address } = endpoint(socket.remoteAddress, socket.remotePort);
    if (this.#state !== 'expected' || address !== this.#link.peer.address) {
      this.#options.onUnclaimed(socket.localPort ?? 0, address);
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    this.#stop('arrived');
    const { timeouts, tls = this.#link.tls } = this.#options;
    this.#connection = new BackendConnection({
      raw: socket,
      tls,
      start: this.#start.promise,
      timeout: timeouts.tlsHandshake,
    });
    this.#arrival.resolve(this.#connection);
  }

  #expire(): NodeJS.Timeout {
    const { backendDataConnect } = this.#options.timeouts;
    return setTimeout(() => {
      this.#stop();
      const detail = `the backend did not connect within ${backendDataConnect} ms`;
      this.#arrival.reject(new GatewayError('backend-data-timeout', { detail }));
    }, backendDataConnect);
  }

  /** Lets nobody in any more. */
  #stop(state: 'arrived' | 'over' = 'over'): void {
    this.#state = state;
    clearTimeout(this.#timer);
    void this.#listener?.close();
    this.#listener = undefined;
  }
}

/** Tells the backend where to connect to: EPRT for IPv6, for IPv4 what it accepts. Raises `backend-data-setup-failed`. */
async function announce(turn: Turn, backend: Backend, here: Endpoint): Promise<void> {
  const known = backend.activeCommand;
  const verbs: readonly ActiveCommand[] =
    familyOf(here.address) === 2 ? ['EPRT'] : [known, known === 'PORT' ? 'EPRT' : 'PORT'];
  let refusal: Reply | undefined;
  for (const verb of verbs) {
    const argument = verb === 'PORT' ? formatPassive(here.address, here.port) : formatExtendedPort(here);
    const answer = await turn.final(turn.send({ verb, argument }));
    if (isPositive(answer)) return backend.accepts(verb);
    refusal ??= answer;
  }
  const detail = refusal && serializeReply(refusal).trimEnd();
  throw new GatewayError('backend-data-setup-failed', { ...(detail !== undefined && { detail }) });
}

/** The ports of a range, beginning somewhere and going round. */
function shuffled({ first, last }: PortRange): readonly number[] {
  const count = last - first + 1;
  const start = randomInt(count);
  return Array.from({ length: count }, (_, index) => first + ((start + index) % count));
}

function givenUp(): GatewayError {
  return new GatewayError('backend-data-setup-failed', { detail: 'replaced or given up' });
}
