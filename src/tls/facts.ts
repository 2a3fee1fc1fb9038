/**
 * What was negotiated on a TLS connection, as plain values for policy, logs and metrics.
 */
import type { TLSSocket } from 'node:tls';

/** Facts of one finished handshake. */
export interface TlsFacts {
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly version: string;
  /** OpenSSL name of the cipher suite. */
  readonly cipher: string;
  /** Whether an earlier TLS session was resumed. */
  readonly resumed: boolean;
  /** The server name that the client sent (SNI). */
  readonly servername: string | undefined;
  /** The application protocol that was agreed (ALPN). */
  readonly protocol: string | undefined;
  /** The certificate of the client, where it showed one that is valid. */
  readonly clientCertificate?: ClientCertificate | undefined;
  /** The client has given TLS up again (CCC): the rest of the connection is in clear. */
  readonly cleared?: true | undefined;
}

/** What a client's certificate says. */
export interface ClientCertificate {
  /** Distinguished name, such as `CN=plant1,O=Example`; special characters escaped as in RFC 4514. */
  readonly subject: string;
  /** Its common names, as they are. */
  readonly commonNames: readonly string[];
  /** Such as `DNS:plant1.example.com`, `email:plant1@example.com`, `URI:spiffe://example.com/plant1`. */
  readonly subjectAltNames: readonly string[];
  /** SHA-256 of the DER form, as `AB:CD:…`. */
  readonly fingerprint256: string;
  readonly notAfter: Date;
}

/** Reads the facts off a socket whose handshake has finished. */
export function tlsFacts(socket: TLSSocket): TlsFacts {
  const { servername } = socket as TLSSocket & { servername?: string | false | null };
  return {
    version: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher()?.name ?? 'unknown',
    resumed: socket.isSessionReused(),
    servername: typeof servername === 'string' && servername !== '' ? servername : undefined,
    protocol: typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : undefined,
  };
}
