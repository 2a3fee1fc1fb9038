/**
 * The TLS side of one link to a backend: what its control connection negotiated, and how its data connections prove to be of the same
 * backend: by resuming the newest TLS session, else by the same certificate (RFC 4217 §10.2, §15.1).
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { GatewayError } from '../errors/errors.ts';
import { type BackendCertificate, type BackendContexts, fingerprintOf } from './backend-contexts.ts';
import { type TlsFacts, tlsFacts } from './facts.ts';
import { type SecuredSocket, secureAsClient } from './secure-as-client.ts';

/** Limits of a handshake. Duration in milliseconds. */
export interface HandshakeLimits {
  readonly timeout: number;
  readonly signal: AbortSignal;
}

/** The TLS session that came last on a control connection. */
interface NewestSession {
  session: Buffer | undefined;
}

/** What a control connection showed. */
type Known = Pick<BackendTlsSession, 'facts' | 'certificate'>;

/** How a control connection came to TLS: bytes in clear mean something else after AUTH. */
export type Entrance = 'explicit' | 'implicit';

export class BackendTlsSession {
  readonly facts: TlsFacts;
  /** Undefined where the backend shows none. */
  readonly certificate: BackendCertificate | undefined;
  readonly #contexts: BackendContexts;
  readonly #newest: NewestSession;

  private constructor(contexts: BackendContexts, newest: NewestSession, known: Known) {
    this.#contexts = contexts;
    this.#newest = newest;
    this.facts = known.facts;
    this.certificate = known.certificate;
  }

  /**
   * Handshakes on a control connection and looks at the certificate before anything is said. Raises `backend-tls-failed`,
   * `backend-tls-timeout`, `backend-bytes-behind-auth` or `backend-certificate-invalid`; the socket is destroyed then.
   */
  static async begin(
    raw: Socket,
    contexts: BackendContexts,
    entrance: Entrance,
    limits: HandshakeLimits,
  ): Promise<{ readonly socket: TLSSocket; readonly session: BackendTlsSession }> {
    // Not only that of the handshake: TLS 1.3 sends them later, and some backends a new one for each data connection.
    const newest: NewestSession = { session: undefined };
    const { socket } = await secureAsClient(raw, {
      ...limits,
      tls: await connectionOptions(contexts),
      proveEnd: false,
      onSession: (session) => {
        newest.session = session;
      },
      codes: {
        failed: 'backend-tls-failed',
        timeout: 'backend-tls-timeout',
        clear: entrance === 'explicit' ? 'backend-bytes-behind-auth' : 'backend-tls-failed',
      },
    });
    const known = { facts: tlsFacts(socket), certificate: contexts.judge(socket) };
    const session = new BackendTlsSession(contexts, newest, known);
    const { certificate } = session;
    const problem = certificate === undefined ? 'it shows no certificate' : certificate.problem;
    if (problem === undefined || !contexts.verifies) return { socket, session };
    socket.on('error', () => {});
    socket.destroy();
    raw.destroy();
    const detail = certificate === undefined ? problem : `${problem} (${describe(certificate)})`;
    throw new GatewayError('backend-certificate-invalid', { detail });
  }

  /**
   * Handshakes on a data connection. `proveEnd`: the backend will send, and how it ends matters. Raises `backend-data-tls-failed`,
   * `backend-data-tls-timeout` or `backend-data-certificate-differs`; the socket is destroyed then.
   */
  async secureData(
    raw: Socket,
    proveEnd: boolean,
    limits: HandshakeLimits,
  ): Promise<SecuredSocket & { readonly facts: TlsFacts }> {
    const options = await connectionOptions(this.#contexts, this.facts.version);
    const { session } = this.#newest;
    const secured = await secureAsClient(raw, {
      ...limits,
      tls: { ...options, ...(session && { session }) },
      proveEnd,
      codes: {
        failed: 'backend-data-tls-failed',
        timeout: 'backend-data-tls-timeout',
        clear: 'backend-data-tls-failed',
      },
    });
    const { socket } = secured;
    const facts = tlsFacts(socket);
    if (facts.resumed || this.#isSamePeer(socket)) return { ...secured, facts };
    socket.on('error', () => {});
    socket.destroy();
    raw.destroy();
    throw new GatewayError('backend-data-certificate-differs');
  }

  /** The same, but its data connections show no session: to find out what a backend says to that. */
  withoutResumption(): BackendTlsSession {
    return new BackendTlsSession(this.#contexts, { session: undefined }, this);
  }

  #isSamePeer(socket: TLSSocket): boolean {
    const certificate = socket.getPeerX509Certificate();
    return certificate !== undefined && fingerprintOf(certificate) === this.certificate?.fingerprint;
  }
}

async function connectionOptions(contexts: BackendContexts, version?: string) {
  const { servername, checkName } = contexts;
  return {
    secureContext: await contexts.context(version),
    checkServerIdentity: checkName,
    ...(servername !== undefined && { servername }),
  };
}

function describe({ subject, notAfter, fingerprint }: BackendCertificate): string {
  return `${subject}, until ${notAfter.toISOString()}, SHA-256 ${fingerprint}`;
}
