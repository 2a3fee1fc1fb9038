/**
 * The client's half of the next transfer in passive mode: a leased port, the connection that arrives on it, TLS on that
 * connection. One value serves one transfer.
 */
import type { Socket } from 'node:net';
import { within } from '../backends/within.ts';
import type { Policy } from '../config/schema.ts';
import type { Arrived, Expectation } from '../data/arrivals.ts';
import { DataLeg, type Protection } from '../data/leg.ts';
import { peekClientHello } from '../data/peek-client-hello.ts';
import { GatewayError } from '../errors/errors.ts';
import { holdsCertificate } from '../tls/client-certificate.ts';
import { tlsFacts } from '../tls/facts.ts';
import type { SessionTls } from '../tls/session-tls.ts';
import { type SecureSocket, secureAsServer } from '../tls/upgrade.ts';
import type { ClientHello } from '../wire/client-hello.ts';
import { Contest } from './contest.ts';
import type { ClientHalf } from './data-plan.ts';

export interface ClientDataOptions {
  readonly expectation: Expectation;
  /** TLS of the control connection; undefined while that is in clear. */
  readonly tls: SessionTls | undefined;
  readonly sessionReuse: Policy['sessionReuse'];
  /** The protection that is in force when the connection arrives. */
  readonly protection: () => Protection;
  /** Milliseconds. */
  readonly timeouts: { readonly dataArrival: number; readonly tlsHandshake: number };
}

/** Is waited for where the connection will be private. */
type Hello = Promise<ClientHello | undefined> | undefined;

type State =
  | { readonly name: 'expected' }
  | { readonly name: 'arrived'; readonly socket: Socket; readonly hello: Hello }
  | { readonly name: 'securing'; readonly socket: Socket; readonly secure: Promise<SecureSocket> }
  | { readonly name: 'opened' }
  | { readonly name: 'disposed' };

export class ClientData implements ClientHalf {
  readonly port: number;
  connection: ClientHalf['connection'];
  readonly #options: ClientDataOptions;
  readonly #end = new AbortController();
  /** A connection is there; the connection is known to be ours. */
  readonly #arrived = Promise.withResolvers<void>();
  readonly #known = Promise.withResolvers<void>();
  #state: State = { name: 'expected' };
  /** What is known of the connection beside its socket. */
  #ends: Omit<Arrived, 'socket'> | undefined;
  readonly #contest: Contest;
  #timer: NodeJS.Timeout;
  #gone = false;
  #impostors = false;
  /** Whether the end of what the client sends must be proven: as long as it is not known that it will not send. */
  #proveEnd = true;

  constructor(options: ClientDataOptions) {
    this.#options = options;
    this.port = options.expectation.port;
    this.#arrived.promise.catch(() => {});
    this.#timer = this.#expire();
    this.#contest = new Contest({
      secure: ({ socket }, leaving) => {
        const signal = AbortSignal.any([leaving, this.#end.signal]);
        return this.#secure(socket, peekClientHello(socket, signal), this.#proveEnd, signal);
      },
      onProven: (arrived, secure) => this.#take(arrived, { secure: Promise.resolve(secure) }),
      onImpostor: (arrived) => {
        this.#impostors = true;
        options.expectation.disown(arrived);
      },
    });
    options.expectation.onArrival((arrived) => this.#arrive(arrived));
  }

  get awaitedOn(): number | undefined {
    return this.#state.name === 'expected' ? this.port : undefined;
  }

  /**
   * Resolves when the client's TCP connection is there; on a shared port when one is there that may be it. Asking begins the wait
   * anew. Raises `client-data-timeout`.
   */
  arrived(): Promise<void> {
    if (this.#state.name === 'expected') {
      clearTimeout(this.#timer);
      this.#timer = this.#expire();
      void this.#options.expectation.approached().then(() => this.#approached());
    }
    return this.#arrived.promise.then(() => {
      if (this.#gone) throw closedEarly();
    });
  }

  /**
   * The leg, secured when `protection` says so. `proveEnd`: the client will send, and how it ends matters. Raises
   * `client-data-tls-failed`, `client-data-tls-timeout` (the time counts from here), `tls-session-not-resumed` or
   * `client-data-certificate-mismatch`.
   */
  async open(protection: Protection, proveEnd: boolean): Promise<DataLeg> {
    this.#proveEnd = proveEnd;
    if (this.#state.name === 'expected') await this.#identified();
    if (this.#gone) throw closedEarly();
    const state = this.#state;
    if (state.name !== 'arrived' && state.name !== 'securing') throw new Error(`no data connection: ${state.name}`);
    const { socket: raw } = state;
    raw.off('readable', readAhead);
    if (protection === 'clear') {
      if (state.name === 'securing') throw tlsFailed('PROT changed after the TLS handshake had begun');
      if (this.#options.expectation.proofRequired) throw notResumed('in clear');
      this.#state = { name: 'opened' };
      return new DataLeg({ side: 'client', raw, ...this.#ends });
    }
    const secure = state.name === 'securing' ? state.secure : this.#secure(raw, this.#helloOf(state), proveEnd);
    this.#state = { name: 'securing', socket: raw, secure };
    const { socket, proven } = await this.#inTime(secure);
    if (this.#end.signal.aborted) {
      raw.destroy();
      throw this.#end.signal.reason;
    }
    const facts = tlsFacts(socket);
    const { expectation, sessionReuse } = this.#options;
    if (!facts.resumed && (sessionReuse === 'require' || expectation.proofRequired)) throw notResumed(facts.version);
    const certificate = this.#options.tls?.clientCertificate;
    if (certificate !== undefined && !holdsCertificate(socket, certificate)) {
      throw new GatewayError('client-data-certificate-mismatch');
    }
    this.#state = { name: 'opened' };
    return new DataLeg({ side: 'client', raw, ...this.#ends, secure: { socket, facts, proven } });
  }

  /** Gives the port back and closes a connection that no leg has taken over. Idempotent. */
  dispose(): void {
    clearTimeout(this.#timer);
    this.#options.expectation.release('unused');
    this.#contest.end();
    const state = this.#state;
    // The leg's owner closes it, and nothing else is under way then.
    if (state.name !== 'opened') this.#end.abort(givenUp());
    if (state.name === 'arrived') state.socket.destroy();
    if (state.name === 'securing') {
      state.secure.then(
        ({ socket }) => socket.destroy(),
        () => {},
      );
      state.socket.destroy();
    }
    this.#state = { name: 'disposed' };
  }

  #expire(): NodeJS.Timeout {
    const { expectation, timeouts } = this.#options;
    return setTimeout(() => {
      expectation.release('unused');
      const detail = `nobody connected to port ${this.port} within ${timeouts.dataArrival} ms`;
      this.#arrived.reject(new GatewayError('client-data-timeout', { detail }));
    }, timeouts.dataArrival);
  }

  #arrive(arrived: Arrived): void {
    const { socket } = arrived;
    socket.on('error', () => {});
    if (this.#state.name !== 'expected') {
      socket.destroy();
      return;
    }
    const secret = this.#options.protection() === 'private';
    if (secret && this.#options.expectation.proofRequired) return this.#contest.add(arrived);
    this.#take(arrived, { hello: secret ? peekClientHello(socket, this.#end.signal) : undefined });
  }

  /** This is the client's connection. */
  #take({ socket, ...ends }: Arrived, known: { hello: Hello } | { secure: Promise<SecureSocket> }): void {
    if (this.#state.name !== 'expected') {
      socket.destroy();
      return;
    }
    this.#contest.end();
    clearTimeout(this.#timer);
    this.#options.expectation.release('used');
    this.#ends = ends;
    this.connection = { peer: ends.peer, local: ends.local };
    if ('secure' in known) this.#state = { name: 'securing', socket, secure: known.secure };
    else {
      this.#state = { name: 'arrived', socket, hello: known.hello };
      if (known.hello !== undefined) void known.hello.then((hello) => this.#beginEarly(hello));
      // Reading ahead is what tells that the client is gone.
      else socket.on('readable', readAhead);
    }
    socket.once('close', () => {
      // A client that is gone before its transfer begins must not truncate a file.
      if (this.#state.name === 'arrived' || this.#state.name === 'securing') this.#gone = true;
    });
    this.#arrived.resolve();
    this.#known.resolve();
  }

  #approached(): void {
    if (this.#state.name !== 'expected') return;
    clearTimeout(this.#timer);
    this.#arrived.resolve();
  }

  /** On a shared port the client is known only by its ClientHello, which may come after 150. */
  async #identified(): Promise<void> {
    const { tlsHandshake } = this.#options.timeouts;
    await within(this.#known.promise, tlsHandshake);
    if (this.#state.name !== 'expected') return;
    if (this.#impostors) throw notResumed('by any connection that showed it');
    const detail = `no connection to port ${this.port} showed a TLS session of this client within ${tlsHandshake} ms`;
    throw new GatewayError('client-data-timeout', { detail });
  }

  /** quirk: curl and others finish the handshake before they send the transfer command; its direction is not known yet. */
  #beginEarly(hello: ClientHello | undefined): void {
    if (this.#state.name !== 'arrived' || hello === undefined) return;
    const { socket } = this.#state;
    const secure = this.#secure(socket, Promise.resolve(hello), true);
    secure.catch(() => {});
    this.#state = { name: 'securing', socket, secure };
  }

  #helloOf(state: State & { name: 'arrived' }): Promise<ClientHello | undefined> {
    return state.hello ?? peekClientHello(state.socket, this.#end.signal);
  }

  /** The handshake, with what the hello asks for. */
  async #secure(
    raw: Socket,
    peeked: Promise<ClientHello | undefined>,
    proveEnd: boolean,
    signal = this.#end.signal,
  ): Promise<SecureSocket> {
    const { tls, timeouts, sessionReuse } = this.#options;
    if (tls === undefined) throw tlsFailed('the control connection has no TLS');
    const hello = await peeked;
    if (hello === undefined) throw tlsFailed('what the client sent is no TLS ClientHello');
    return secureAsServer(raw, {
      offer: tls.data(hello, sessionReuse === 'off' ? 'off' : 'on'),
      timeout: timeouts.tlsHandshake,
      signal,
      proveEnd,
      turn: 'next',
      codes: { failed: 'client-data-tls-failed', timeout: 'client-data-tls-timeout' },
    });
  }

  async #inTime(handshake: Promise<SecureSocket>): Promise<SecureSocket> {
    const { tlsHandshake } = this.#options.timeouts;
    const secure = await within(handshake, tlsHandshake);
    if (secure !== undefined) return secure;
    throw new GatewayError('client-data-tls-timeout', { detail: `no TLS handshake within ${tlsHandshake} ms` });
  }
}

function readAhead(): void {}

function givenUp(): GatewayError {
  return new GatewayError('client-data-timeout', { detail: 'replaced or given up' });
}

function closedEarly(): GatewayError {
  return new GatewayError('client-data-reset', { detail: 'closed before the transfer began' });
}

function tlsFailed(detail: string): GatewayError {
  return new GatewayError('client-data-tls-failed', { detail });
}

function notResumed(how: string): GatewayError {
  return new GatewayError('tls-session-not-resumed', { detail: how });
}
