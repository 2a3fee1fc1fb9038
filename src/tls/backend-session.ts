/**
 * The TLS side of one link to a backend: what its control connection negotiated, and how its data connections prove to be of the same
 * backend: by resuming a TLS session, the newest of its control connection at first, else by the same certificate (RFC 4217 §10.2, §15.1).
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { GatewayError } from '../errors/errors.ts';
import { type BackendCertificate, type BackendContexts, fingerprintOf } from './backend-contexts.ts';
import { type TlsFacts, tlsFacts } from './facts.ts';
import { ResumableSessions } from './resumable-sessions.ts';
import { type SecuredSocket, secureAsClient } from './secure-as-client.ts';

/** Limits of a handshake. Duration in milliseconds. */
export interface HandshakeLimits {
  readonly timeout: number;
  readonly signal: AbortSignal;
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
  /** Undefined where data connections are to show none. */
  readonly #sessions: ResumableSessions | undefined;

  private constructor(contexts: BackendContexts, sessions: ResumableSessions | undefined, known: Known) {
    this.#contexts = contexts;
    this.#sessions = sessions;
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
    const sessions = new ResumableSessions();
    const { socket } = await secureAsClient(raw, {
      ...limits,
      tls: await connectionOptions(contexts),
      proveEnd: false,
      onSession: (session) => sessions.addOfControl(session),
      codes: {
        failed: 'backend-tls-failed',
        timeout: 'backend-tls-timeout',
        clear: entrance === 'explicit' ? 'backend-bytes-behind-auth' : 'backend-tls-failed',
      },
    });
    const known = { facts: tlsFacts(socket), certificate: contexts.judge(socket) };
    const session = new BackendTlsSession(contexts, sessions, known);
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
    const sessions = this.#sessions;
    const session = sessions?.best();
    // What it brings counts when it has proved to be the backend's; TLS sessions may come before we know.
    let brought: Buffer | undefined;
    let keep = (fresh: Buffer): void => {
      brought = fresh;
    };
    const secured = await secureAsClient(raw, {
      ...limits,
      tls: { ...options, ...(session && { session }) },
      proveEnd,
      onSession: (fresh) => keep(fresh),
      codes: {
        failed: 'backend-data-tls-failed',
        timeout: 'backend-data-tls-timeout',
        clear: 'backend-data-tls-failed',
      },
    });
    const { socket } = secured;
    const facts = tlsFacts(socket);
    if (session !== undefined && !facts.resumed) sessions?.decline(session);
    if (facts.resumed || this.#isSamePeer(socket)) {
      keep = (fresh) => sessions?.addOfData(fresh);
      if (brought !== undefined) keep(brought);
      return { ...secured, facts };
    }
    socket.on('error', () => {});
    socket.destroy();
    raw.destroy();
    throw new GatewayError('backend-data-certificate-differs');
  }

  /** The same, but its data connections show no session: to find out what a backend says to that. */
  withoutResumption(): BackendTlsSession {
    return new BackendTlsSession(this.#contexts, undefined, this);
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
