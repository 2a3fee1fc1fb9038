/**
 * Reads PEM certificates and keys: who they name, until when they are valid, whether they belong together.
 * Verifies no chain and reads no files.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';

/** What a certificate says of itself. */
export interface CertificateFacts {
  /** Distinguished name in one line, such as `CN=ftp.example.com`. */
  readonly subject: string;
  /** DNS names and IP addresses of the subject alternative name; empty where there is none. */
  readonly names: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Such as `rsa-3072`, `ec-prime256v1` or `ed25519`. */
  readonly keyType: string;
  /** SHA-256 of the DER form, as `AB:CD:…`. */
  readonly fingerprint256: string;
}

/** Facts of the first certificate in a PEM text. Throws an Error where there is none that can be read. */
export function inspectCertificate(pem: string): CertificateFacts {
  const certificate = new X509Certificate(pem);
  return {
    subject: certificate.subject?.replaceAll('\n', ', ') ?? '',
    names: alternativeNames(certificate.subjectAltName),
    notBefore: certificate.validFromDate,
    notAfter: certificate.validToDate,
    keyType: keyType(certificate),
    fingerprint256: certificate.fingerprint256,
  };
}

/** Whether the private key belongs to the first certificate of a PEM text. Throws an Error where either cannot be read. */
export function keyMatches(certPem: string, keyPem: string): boolean {
  return new X509Certificate(certPem).checkPrivateKey(createPrivateKey(keyPem));
}

function keyType({ publicKey }: X509Certificate): string {
  const { modulusLength, namedCurve } = publicKey.asymmetricKeyDetails ?? {};
  return [publicKey.asymmetricKeyType ?? 'unknown', namedCurve ?? modulusLength].filter(Boolean).join('-');
}

/** Node prints `DNS:a, IP Address:::1`; names with odd characters are quoted as JSON. */
function alternativeNames(text: string | undefined): readonly string[] {
  const entries = (text ?? '').match(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g) ?? [];
  return entries.flatMap((entry) => {
    const [, name] = /^(?:DNS|IP Address):(.*)$/.exec(entry.trim()) ?? [];
    if (name === undefined) return [];
    return [name.startsWith('"') ? String(JSON.parse(name)) : name];
  });
}
