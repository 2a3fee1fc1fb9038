/**
 * Reads lists of revoked certificates (RFC 5280 §5) as far as an operator has to know them: whose they are, and until when
 * they hold. Verifies no signature: OpenSSL does, when a client comes.
 */
import type { X509Certificate } from 'node:crypto';
import forge from 'node-forge';

/** What a list says of itself. */
export interface RevocationListFacts {
  /** The authority, as one that can be compared with {@link nameOf}: the encoded name in hexadecimal. */
  readonly issuer: string;
  /** When the next list should be there: this one does not count after it. Undefined where it does not say. */
  readonly nextUpdate: Date | undefined;
  /** How many certificates are revoked. */
  readonly revoked: number;
}

const { asn1 } = forge;
type Node = forge.asn1.Asn1;

/** The PEM blocks of lists in a text, in their order. */
export function revocationListBlocks(pem: string): readonly string[] {
  return pem.match(/-----BEGIN X509 CRL-----.*?-----END X509 CRL-----/gs) ?? [];
}

/** Facts of one list in PEM. Throws an Error where it cannot be read. */
export function inspectRevocationList(pem: string): RevocationListFacts {
  const [message] = forge.pem.decode(pem);
  if (message === undefined) throw new Error('no PEM');
  // TBSCertList: version (optional), algorithm, issuer, thisUpdate, nextUpdate (optional), revoked (optional), extensions (RFC 5280 §5.1).
  const parts = [...children(children(asn1.fromDer(message.body))[0])];
  if (parts[0]?.type === asn1.Type.INTEGER) parts.shift();
  const [, issuer, , ...rest] = parts;
  if (issuer === undefined) throw new Error('not a list of revoked certificates');
  const next = timeOf(rest[0]);
  const list = rest.find(({ tagClass, type }) => tagClass === asn1.Class.UNIVERSAL && type === asn1.Type.SEQUENCE);
  return { issuer: encoded(issuer), nextUpdate: next, revoked: list === undefined ? 0 : children(list).length };
}

/** The encoded name of a certificate's subject in hexadecimal. */
export function nameOf(certificate: X509Certificate): string {
  const parts = [...children(children(asn1.fromDer(certificate.raw.toString('latin1')))[0])];
  // TBSCertificate: version (tagged, optional), serial number, algorithm, issuer, validity, subject (RFC 5280 §4.1).
  if (parts[0]?.tagClass === asn1.Class.CONTEXT_SPECIFIC) parts.shift();
  const subject = parts[4];
  if (subject === undefined) throw new Error('not a certificate');
  return encoded(subject);
}

function children(node: Node | undefined): readonly Node[] {
  if (node === undefined || typeof node.value === 'string') throw new Error('not the form of RFC 5280');
  return node.value;
}

function encoded(node: Node): string {
  return asn1.toDer(node).toHex();
}

function timeOf(node: Node | undefined): Date | undefined {
  if (node === undefined || typeof node.value !== 'string' || node.tagClass !== asn1.Class.UNIVERSAL) return undefined;
  if (node.type === asn1.Type.UTCTIME) return asn1.utcTimeToDate(node.value);
  return node.type === asn1.Type.GENERALIZEDTIME ? asn1.generalizedTimeToDate(node.value) : undefined;
}
