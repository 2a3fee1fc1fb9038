/**
 * What one backend is spoken TLS with: versions, ciphers, trust, and our own certificate, read from files once. Knows no connection.
 */
import type { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import {
  checkServerIdentity,
  createSecureContext,
  getCACertificates,
  type PeerCertificate,
  type SecureContext,
  type SecureContextOptions,
  type SecureVersion,
  type TLSSocket,
} from 'node:tls';
import type { BackendTlsConfig } from '../config/backend-tls.ts';
import { asGatewayError } from '../errors/errors.ts';

/** A backend's certificate as an operator sees it. */
export interface BackendCertificate {
  readonly subject: string;
  readonly issuer: string;
  readonly notAfter: Date;
  /** SHA-256, 64 small hexadecimal digits. */
  readonly fingerprint: string;
  /** Why it must not be trusted; undefined where it may be. */
  readonly problem: string | undefined;
}

interface Files {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** The TLS settings of one backend, ready for handshakes. */
export class BackendContexts {
  readonly #config: BackendTlsConfig;
  /** The name to verify. */
  readonly #name: string;
  readonly #contexts = new Map<string, SecureContext>();
  #files: Promise<Files> | undefined;

  constructor(config: BackendTlsConfig & { readonly host: string }) {
    this.#config = config;
    this.#name = config.servername ?? config.host;
  }

  /** The name to send; undefined where there is only an address (RFC 6066 §3). */
  get servername(): string | undefined {
    return isIP(this.#name) === 0 ? this.#name : undefined;
  }

  /** Whether a certificate with a problem ends the connection. */
  get verifies(): boolean {
    return this.#config.verify;
  }

  /**
   * A context for all allowed versions, or for one: what was negotiated on the control connection is all that a data connection may
   * offer. Raises `backend-tls-failed` where the files or the ciphers cannot be used.
   */
  async context(version?: string): Promise<SecureContext> {
    const key = version ?? 'any';
    const known = this.#contexts.get(key);
    if (known !== undefined) return known;
    try {
      const made = createSecureContext(this.#options(await this.#read(), version as SecureVersion | undefined));
      this.#contexts.set(key, made);
      return made;
    } catch (error) {
      this.#files = undefined;
      throw asGatewayError(error, 'backend-tls-failed');
    }
  }

  /** The certificate that the backend has shown on a control connection, and what is wrong with it. */
  judge(socket: TLSSocket): BackendCertificate | undefined {
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) return undefined;
    return {
      subject: oneLine(certificate.subject),
      issuer: oneLine(certificate.issuer),
      notAfter: certificate.validToDate,
      fingerprint: fingerprintOf(certificate),
      problem: this.#problem(socket, certificate),
    };
  }

  #problem(socket: TLSSocket, certificate: X509Certificate): string | undefined {
    const { fingerprint } = this.#config;
    if (fingerprint !== null) {
      return fingerprintOf(certificate) === fingerprint
        ? undefined
        : 'its fingerprint is not that of the configuration';
    }
    return socket.authorized ? undefined : String(socket.authorizationError);
  }

  /** What is wrong with the name in a certificate; for `tls.connect`. */
  readonly checkName = (_host: string, certificate: PeerCertificate): Error | undefined =>
    checkServerIdentity(this.#name, certificate);

  #read(): Promise<Files> {
    const { ca, cert, key } = this.#config;
    const read = async (path: string | null) => (path === null ? undefined : readFile(path, 'utf8'));
    this.#files ??= Promise.all([read(ca), read(cert), read(key)]).then(([ca, cert, key]) => ({ ca, cert, key }));
    return this.#files;
  }

  #options({ ca, cert, key }: Files, version: SecureVersion | undefined): SecureContextOptions {
    const { minVersion, maxVersion, ciphers } = this.#config;
    return {
      minVersion: version ?? minVersion,
      maxVersion: version ?? maxVersion,
      ...(ciphers !== null && { ciphers }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      // An operator who names one certificate trusts that one, whether it is a root or not.
      ...(ca !== undefined ? { ca, allowPartialTrustChain: true } : systemAuthorities()),
    };
  }
}

/** The roots of the system; those of Node where the system has none (small containers). */
function systemAuthorities(): { ca?: string[] } {
  const system = getCACertificates('system');
  return system.length > 0 ? { ca: system } : {};
}

/** SHA-256 of a certificate, as the configuration has it. */
export function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}

function oneLine(name: string): string {
  return name.replaceAll('\n', ', ');
}
