/**
 * The certificate that a client showed in a handshake: whether it is valid, and what it says. Knows neither FTP nor users.
 */
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { type ErrorCode, GatewayError } from '../errors/errors.ts';
import type { ClientCertificate } from './facts.ts';

/** Node's own name of a refusal, and the code for it; every other one is `client-certificate-refused`. */
const REFUSALS: ReadonlyMap<string, ErrorCode> = new Map([
  ['CERT_HAS_EXPIRED', 'client-certificate-expired'],
  ['CERT_REVOKED', 'client-certificate-revoked'],
  // OpenSSL goes on behind the first fault and tells the last: without an authority there is no list of it either.
  ['UNABLE_TO_GET_CRL', 'client-certificate-untrusted'],
  ['UNABLE_TO_GET_ISSUER_CERT', 'client-certificate-untrusted'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'client-certificate-untrusted'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'client-certificate-untrusted'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'client-certificate-untrusted'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'client-certificate-untrusted'],
  ['CERT_SIGNATURE_FAILURE', 'client-certificate-untrusted'],
]);

/**
 * The certificate of a finished handshake in which one was asked for; undefined where none was shown and none is required.
 * Raises `client-certificate-missing`, `-expired`, `-revoked`, `-untrusted` or `-refused`; the connection is still open then.
 */
export function verifiedCertificate(socket: TLSSocket, mode: 'request' | 'require'): ClientCertificate | undefined {
  const certificate = shownCertificate(socket);
  // quirk: OpenSSL finds nothing wrong with a resumed TLS 1.3 session that never had a certificate. So look at that first.
  if (certificate === undefined) {
    if (mode === 'require') throw new GatewayError('client-certificate-missing');
    return undefined;
  }
  const reason = refusalOf(socket);
  if (reason === undefined) return certificate;
  const detail = `${reason}, subject ${certificate.subject}`;
  throw new GatewayError(REFUSALS.get(reason) ?? 'client-certificate-refused', { detail });
}

/** What the certificate of a finished handshake says, valid or not; that of the first handshake where a session was resumed. */
export function shownCertificate(socket: TLSSocket): ClientCertificate | undefined {
  const certificate = socket.getPeerX509Certificate();
  return certificate && certificateFacts(certificate);
}

/** What a certificate says, valid or not. */
export function certificateFacts(certificate: X509Certificate): ClientCertificate {
  return {
    subject: certificate.subject?.replaceAll('\n', ',') ?? '',
    commonNames: commonNames(certificate.subject ?? ''),
    subjectAltNames: alternativeNames(certificate.subjectAltName),
    fingerprint256: certificate.fingerprint256,
    notAfter: certificate.validToDate,
  };
}

/**
 * Whether the peer of a data connection is the client with this certificate: it shows the same one, or has resumed a session
 * that began with it (RFC 4217 §15.1).
 */
export function holdsCertificate(socket: TLSSocket, { fingerprint256 }: ClientCertificate): boolean {
  return socket.isSessionReused() || socket.getPeerX509Certificate()?.fingerprint256 === fingerprint256;
}

/** A socket that no tls.Server made tells the verdict of OpenSSL only through its handle. Where that is gone, nothing is valid. */
function refusalOf(socket: TLSSocket): string | undefined {
  const { _handle: handle } = socket as TLSSocket & {
    readonly _handle?: { verifyError?(): (Error & { readonly code?: string }) | null } | null;
  };
  if (handle?.verifyError === undefined) return 'no verdict';
  const error = handle.verifyError();
  return error === null ? undefined : (error.code ?? error.message);
}

/** Node prints one attribute a line, escaped as in RFC 4514 §2.4. */
function commonNames(subject: string): readonly string[] {
  return subject.split('\n').flatMap((line) => (line.startsWith('CN=') ? [unescaped(line.slice(3))] : []));
}

function unescaped(value: string): string {
  return value.replace(/\\([0-9A-Fa-f]{2}|.)/gs, (_, escaped: string) =>
    escaped.length === 2 ? String.fromCharCode(Number.parseInt(escaped, 16)) : escaped,
  );
}

/** Node prints `DNS:a, email:b`; names with odd characters are quoted as JSON. */
function alternativeNames(text: string | undefined): readonly string[] {
  const entries = (text ?? '').match(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g) ?? [];
  return entries.map((entry) => {
    const [, kind = '', name = ''] = /^([^:]*):(.*)$/s.exec(entry.trim()) ?? [];
    return `${kind}:${name.startsWith('"') ? String(JSON.parse(name)) : name}`;
  });
}
