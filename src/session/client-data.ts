/**
 * The client's half of the next transfer: a leased port, the connection that arrives on it, TLS on that connection. One
 * value serves one transfer.
 */
import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { within } from '../backends/within.ts';
import { DataLeg, type Protection } from '../data/leg.ts';
import type { Expectation } from '../data/passive-pool.ts';
import { GatewayError } from '../errors.ts';
import { tlsFacts } from '../tls/facts.ts';
import { type SecureSocket, secureAsServer } from '../tls/upgrade.ts';

export interface ClientDataOptions {
  readonly expectation: Expectation;
  /** The context of the control connection; undefined while that is in clear. */
  readonly context: SecureContext | undefined;
  /** The protection that is in force when the connection arrives. */
  readonly protection: () => Protection;
  /** Milliseconds. */
  readonly timeouts: { readonly dataArrival: number; readonly tlsHandshake: number };
}

type State =
  | { readonly name: 'expected' }
  | { readonly name: 'arrived'; readonly socket: Socket }
  | { readonly name: 'securing'; readonly socket: Socket; readonly secure: Promise<SecureSocket> }
  | { readonly name: 'opened' }
  | { readonly name: 'disposed' };

export class ClientData {
  readonly port: number;
  readonly #options: ClientDataOptions;
  readonly #end = new AbortController();
  readonly #arrived = Promise.withResolvers<void>();
  #state: State = { name: 'expected' };
  #timer: NodeJS.Timeout;

  constructor(options: ClientDataOptions) {
    this.#options = options;
    this.port = options.expectation.port;
    this.#arrived.promise.catch(() => {});
    this.#timer = this.#expire();
    void options.expectation.arrival.then((socket) => this.#arrive(socket));
  }

  /** Resolves when the client's TCP connection is there. Asking begins the wait anew. Raises `client-data-timeout`. */
  arrived(): Promise<void> {
    if (this.#state.name === 'expected') {
      clearTimeout(this.#timer);
      this.#timer = this.#expire();
    }
    return this.#arrived.promise;
  }

  /**
   * The leg, secured when `protection` says so. `proveEnd`: the client will send, and how it ends matters. Raises
   * `client-data-tls-failed` or `client-data-tls-timeout`; the time limit counts from here.
   */
  async open(protection: Protection, proveEnd: boolean): Promise<DataLeg> {
    const state = this.#state;
    if (state.name !== 'arrived' && state.name !== 'securing') throw new Error(`no data connection: ${state.name}`);
    clearTimeout(this.#timer);
    const { socket: raw } = state;
    raw.off('readable', this.#onClientHello);
    if (protection === 'clear') {
      if (state.name === 'securing') throw tlsFailed('PROT changed after the TLS handshake had begun');
      this.#state = { name: 'opened' };
      return new DataLeg({ side: 'client', raw });
    }
    const { socket, end } = await (state.name === 'securing'
      ? this.#secured(state.secure)
      : this.#secure(raw, proveEnd));
    if (this.#end.signal.aborted) {
      raw.destroy();
      throw this.#end.signal.reason;
    }
    this.#state = { name: 'opened' };
    return new DataLeg({ side: 'client', raw, secure: { socket, facts: tlsFacts(socket), end } });
  }

  /** Gives the port back and closes a connection that no leg has taken over. Idempotent. */
  dispose(): void {
    clearTimeout(this.#timer);
    this.#options.expectation.release();
    this.#end.abort(new GatewayError('client-data-timeout', { detail: 'replaced or given up' }));
    const state = this.#state;
    if (state.name === 'arrived' || state.name === 'securing') state.socket.destroy();
    this.#state = { name: 'disposed' };
  }

  #expire(): NodeJS.Timeout {
    const { expectation, timeouts } = this.#options;
    return setTimeout(() => {
      expectation.release();
      const detail = `nobody connected to port ${this.port} within ${timeouts.dataArrival} ms`;
      this.#arrived.reject(new GatewayError('client-data-timeout', { detail }));
    }, timeouts.dataArrival);
  }

  #arrive(socket: Socket): void {
    socket.on('error', () => {});
    if (this.#state.name !== 'expected') {
      socket.destroy();
      return;
    }
    clearTimeout(this.#timer);
    this.#state = { name: 'arrived', socket };
    this.#arrived.resolve();
    if (this.#options.protection() === 'private') socket.once('readable', this.#onClientHello);
  }

  /** quirk: curl and others finish the handshake before they send the transfer command; its direction is not known yet. */
  readonly #onClientHello = (): void => {
    if (this.#state.name !== 'arrived') return;
    const { socket } = this.#state;
    const { dataArrival, tlsHandshake } = this.#options.timeouts;
    const secure = this.#secure(socket, true, dataArrival + tlsHandshake);
    secure.catch(() => {});
    this.#state = { name: 'securing', socket, secure };
  };

  /** A handshake that was begun early, with the time limit from now on. */
  async #secured(handshake: Promise<SecureSocket>): Promise<SecureSocket> {
    const { tlsHandshake } = this.#options.timeouts;
    const secure = await within(handshake, tlsHandshake);
    if (secure !== undefined) return secure;
    throw new GatewayError('client-data-tls-timeout', { detail: `no TLS handshake within ${tlsHandshake} ms` });
  }

  #secure(raw: Socket, proveEnd: boolean, timeout = this.#options.timeouts.tlsHandshake): Promise<SecureSocket> {
    const { context } = this.#options;
    if (context === undefined) throw tlsFailed('the control connection has no TLS');
    return secureAsServer(raw, {
      contexts: context,
      timeout,
      signal: this.#end.signal,
      proveEnd,
      codes: { failed: 'client-data-tls-failed', timeout: 'client-data-tls-timeout' },
    });
  }
}

function tlsFailed(detail: string): GatewayError {
  return new GatewayError('client-data-tls-failed', { detail });
}
