/**
 * TLS of a scripted backend: on control connections after AUTH or from the first byte, on data connections after PROT P. Tells
 * close_notify from a bare FIN. Knows nothing of commands.
 */
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext, type SecureContextOptions, TLSSocket } from 'node:tls';
import { testCertificate } from './certificates.ts';
import { TappedSocket } from './tapped-socket.ts';

/** Choices of an FTPS backend. */
export interface BackendTlsOptions {
  readonly security: 'explicit' | 'implicit';
  /** What `tls.createSecureContext` takes: certificate (default: that of all tests), versions, ciphers. */
  readonly context?: SecureContextOptions;
  /** The same for data connections; default: the context of control connections, whose sessions can be resumed. */
  readonly dataContext?: SecureContextOptions;
  /** Whether a client certificate is asked for. */
  readonly requestCert?: boolean;
}

/** What the TLS layer of a scripted backend saw in one handshake. */
export interface SeenHandshake {
  readonly channel: 'control' | 'data';
  readonly resumed: boolean;
  readonly version: string | null;
  readonly servername: string | undefined;
  readonly alpn: string | false | null;
  /** Subject of the client's certificate. */
  readonly client: string | undefined;
}

/** TLS for the connections of one scripted backend. */
export class BackendTls {
  readonly security: 'explicit' | 'implicit';
  readonly handshakes: SeenHandshake[] = [];
  readonly #control: SecureContext;
  readonly #data: SecureContext;
  readonly #requestCert: boolean;

  private constructor(options: BackendTlsOptions, pair: { readonly cert: string; readonly key: string }) {
    this.security = options.security;
    this.#requestCert = options.requestCert ?? false;
    this.#control = createSecureContext({ sessionIdContext: 'backend', ...pair, ...options.context });
    this.#data = options.dataContext ? createSecureContext({ ...pair, ...options.dataContext }) : this.#control;
  }

  static async make(options: BackendTlsOptions): Promise<BackendTls> {
    const paths = await testCertificate();
    const [cert, key] = await Promise.all([readFile(paths.cert, 'utf8'), readFile(paths.key, 'utf8')]);
    return new BackendTls(options, { cert, key });
  }

  /** For a control connection. */
  control(raw: Socket): TLSSocket {
    return this.#secure(raw, raw, 'control', this.#control);
  }

  /** For a data connection: ends only after close_notify. */
  data(raw: Socket): TLSSocket {
    const tapped = new TappedSocket(raw);
    raw.on('data', (chunk: Buffer) => tapped.feed(chunk));
    return this.#secure(raw, tapped, 'data', this.#data);
  }

  #secure(
    raw: Socket,
    below: Socket | TappedSocket,
    channel: SeenHandshake['channel'],
    secureContext: SecureContext,
  ): TLSSocket {
    const socket = new TLSSocket(below as Socket, { isServer: true, secureContext, requestCert: this.#requestCert });
    socket.on('error', () => {});
    socket.on('_tlsError', () => raw.destroy());
    socket.once('secure', () => {
      const { servername } = socket as TLSSocket & { servername?: string | false };
      this.handshakes.push({
        channel,
        resumed: socket.isSessionReused(),
        version: socket.getProtocol(),
        servername: servername || undefined,
        alpn: socket.alpnProtocol,
        client: socket.getPeerX509Certificate()?.subject,
      });
    });
    return socket;
  }
}
