/**
 * The client's half of the next transfer in active mode: a TCP connection to the client's own address, made only when the
 * transfer is about to begin, and TLS on it. We are the TLS server although we connected (RFC 4217 §7). One value serves one
 * transfer.
 */
import type { Socket } from 'node:net';
import { within } from '../backends/within.ts';
import type { Policy } from '../config/schema.ts';
import { DataLeg, type Protection } from '../data/leg.ts';
import { peekClientHello } from '../data/peek-client-hello.ts';
import { GatewayError } from '../errors/errors.ts';
import type { Endpoint } from '../net/address.ts';
import { endpoint } from '../net/address.ts';
import { dial } from '../net/dial.ts';
import type { OpenSockets } from '../net/open-sockets.ts';
import { holdsCertificate } from '../tls/client-certificate.ts';
import { tlsFacts } from '../tls/facts.ts';
import type { SessionTls } from '../tls/session-tls.ts';
import { type SecureSocket, secureAsServer } from '../tls/upgrade.ts';
import type { ClientHalf } from './data-plan.ts';

export interface ActiveClientDataOptions {
  /** The address is that of the client, whatever it wrote; the port is the one that it named. */
  readonly target: Endpoint;
  /** Source address: that of the control connection, where the client will expect it; undefined leaves it to the system. */
  readonly localAddress: string | undefined;
  /** TLS of the control connection; undefined while that is in clear. */
  readonly tls: SessionTls | undefined;
  readonly sessionReuse: Policy['sessionReuse'];
  /** Milliseconds. */
  readonly timeouts: { readonly dataArrival: number; readonly tlsHandshake: number; readonly keepalive: number };
  readonly sockets: OpenSockets;
}

export class ActiveClientData implements ClientHalf {
  readonly #options: ActiveClientDataOptions;
  readonly #end = new AbortController();
  #dialling: Promise<Socket> | undefined;
  #socket: Socket | undefined;
  connection: ClientHalf['connection'];
  readonly awaitedOn = undefined;

  constructor(options: ActiveClientDataOptions) {
    this.#options = options;
  }

  /** Connects to the client; the first call does. Raises `client-data-refused` or `client-data-timeout`. */
  async arrived(): Promise<void> {
    this.#dialling ??= this.#dial();
    await this.#dialling;
  }

  /**
   * The leg. Raises `client-data-tls-failed`, `client-data-tls-timeout` (the time counts from here),
   * `tls-session-not-resumed` or `client-data-certificate-mismatch`.
   */
  async open(protection: Protection, proveEnd: boolean): Promise<DataLeg> {
    const raw = this.#socket;
    if (raw === undefined) throw new Error('not connected to the client');
    if (raw.destroyed) throw new GatewayError('client-data-reset', { detail: 'closed before the transfer began' });
    if (protection === 'clear') {
      this.#socket = undefined;
      return new DataLeg({ side: 'client', raw });
    }
    const { socket, proven } = await this.#secure(raw, proveEnd);
    const facts = tlsFacts(socket);
    if (!facts.resumed && this.#options.sessionReuse === 'require') {
      throw new GatewayError('tls-session-not-resumed', { detail: facts.version });
    }
    const certificate = this.#options.tls?.clientCertificate;
    if (certificate !== undefined && !holdsCertificate(socket, certificate)) {
      throw new GatewayError('client-data-certificate-mismatch');
    }
    this.#socket = undefined;
    return new DataLeg({ side: 'client', raw, secure: { socket, facts, proven } });
  }

  dispose(): void {
    this.#end.abort(new GatewayError('client-data-timeout', { detail: 'replaced or given up' }));
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  async #dial(): Promise<Socket> {
    const { target, localAddress, timeouts, sockets } = this.#options;
    const socket = await dial({
      host: target.address,
      port: target.port,
      localAddress,
      timeout: timeouts.dataArrival,
      keepAlive: timeouts.keepalive,
      signal: this.#end.signal,
      sockets,
      codes: { failed: 'client-data-refused', timeout: 'client-data-timeout' },
    });
    socket.on('error', () => {});
    this.#socket = socket;
    this.connection = {
      peer: endpoint(socket.remoteAddress, socket.remotePort),
      local: endpoint(socket.localAddress, socket.localPort),
    };
    // Between the connection and this line it may have been given up.
    if (this.#end.signal.aborted) this.dispose();
    return socket;
  }

  /** The handshake, with what the client's hello asks for. */
  async #secure(raw: Socket, proveEnd: boolean): Promise<SecureSocket> {
    const { tls, timeouts } = this.#options;
    const { tlsHandshake } = timeouts;
    if (tls === undefined) throw tlsFailed('the control connection has no TLS');
    const handshake = this.#handshake(raw, tls, proveEnd);
    handshake.catch(() => {});
    const secure = await within(handshake, tlsHandshake);
    if (secure !== undefined) return secure;
    throw new GatewayError('client-data-tls-timeout', { detail: `no TLS handshake within ${tlsHandshake} ms` });
  }

  async #handshake(raw: Socket, tls: SessionTls, proveEnd: boolean): Promise<SecureSocket> {
    const hello = await peekClientHello(raw, this.#end.signal);
    if (hello === undefined) throw tlsFailed('what the client sent is no TLS ClientHello');
    const { sessionReuse, timeouts } = this.#options;
    return secureAsServer(raw, {
      offer: tls.data(hello, sessionReuse === 'off' ? 'off' : 'on'),
      timeout: timeouts.tlsHandshake,
      signal: this.#end.signal,
      proveEnd,
      turn: 'next',
      codes: { failed: 'client-data-tls-failed', timeout: 'client-data-tls-timeout' },
    });
  }
}

function tlsFailed(detail: string): GatewayError {
  return new GatewayError('client-data-tls-failed', { detail });
}
