/**
 * One data connection of a backend on its way from TCP to a leg: at once in clear, behind a handshake with an FTPS backend. We are
 * the TLS client, whoever connected (RFC 4217 §7).
 */
import type { Socket } from 'node:net';
import { DataLeg } from '../data/leg.ts';
import { type Endpoint, endpoint } from '../net/address.ts';
import type { ReadBuffers } from '../net/read-buffers.ts';
import type { LegFacts } from '../observe/session-observer.ts';
import type { BackendTlsSession } from '../tls/backend-session.ts';
import type { Start } from './backend-data.ts';

export interface BackendConnectionOptions {
  readonly raw: Socket;
  /** What reads it, in clear only. */
  readonly buffers?: ReadBuffers;
  readonly tls: BackendTlsSession | undefined;
  /** When the handshake may begin. */
  readonly start: Promise<Start>;
  /** For the handshake, milliseconds. */
  readonly timeout: number;
}

export class BackendConnection {
  readonly #raw: Socket;
  readonly #peer: Endpoint;
  readonly #local: Endpoint;
  readonly #protection: 'clear' | 'private';
  readonly #opened: Promise<DataLeg>;
  readonly #end = new AbortController();
  #leg: DataLeg | undefined;

  constructor(options: BackendConnectionOptions) {
    const { raw, buffers, tls } = options;
    this.#raw = raw;
    this.#peer = endpoint(raw.remoteAddress, raw.remotePort);
    this.#local = endpoint(raw.localAddress, raw.localPort);
    this.#protection = tls === undefined ? 'clear' : 'private';
    raw.on('error', () => {});
    if (tls === undefined) {
      this.#leg = new DataLeg({ side: 'backend', raw, ...(buffers && { buffers }) });
      this.#opened = Promise.resolve(this.#leg);
    } else this.#opened = this.#secure(tls, options);
    this.#opened.catch(() => {});
  }

  /** For the log, also while there is no leg. */
  get facts(): LegFacts {
    const legless = { peer: this.#peer, local: this.#local, protection: this.#protection, tls: undefined };
    return this.#leg ?? legless;
  }

  get leg(): DataLeg | undefined {
    return this.#leg;
  }

  /** The leg. Rejects with the GatewayError of the handshake. */
  get opened(): Promise<DataLeg> {
    return this.#opened;
  }

  /** Breaks it off with a TCP reset. Idempotent. */
  reset(): void {
    if (this.#leg !== undefined) return this.#leg.reset();
    // A handshake that is under way sees its socket closed, and fails.
    if (!this.#raw.destroyed) this.#raw.resetAndDestroy();
    this.close();
  }

  /** Closes it quietly. Idempotent. */
  close(): void {
    if (this.#leg !== undefined) return this.#leg.close();
    this.#raw.destroy();
    this.#end.abort(new Error('given up'));
  }

  async #secure(tls: BackendTlsSession, { raw, start, timeout }: BackendConnectionOptions): Promise<DataLeg> {
    const { proveEnd } = await start;
    const { socket, facts, proven } = await tls.secureData(raw, proveEnd, { timeout, signal: this.#end.signal });
    this.#leg = new DataLeg({ side: 'backend', raw, secure: { socket, facts, proven } });
    return this.#leg;
  }
}
