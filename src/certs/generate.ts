/**
 * Makes a development certificate authority and certificates signed by it: X.509 by node-forge, RSA keys by Node.
 * PEM texts in and out: knows nothing of files and of who uses the certificates.
 */
import { createPrivateKey, generateKeyPair, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { promisify } from 'node:util';
import forge from 'node-forge';

const KEY_BITS = 3072;
const DAY = 86_400_000;
/** Clocks differ: a certificate is valid from an hour before it was made. */
const BACKDATED = 3_600_000;
const AUTHORITY_DAYS = 3650;
/** Longest life of a leaf that common verifiers accept (CA/Browser Forum Baseline Requirements §6.3.2 allow 398 days). */
export const MAX_LEAF_DAYS = 397;
/** Upper bound of a common name (RFC 5280 appendix A, `ub-common-name`). */
const MAX_COMMON_NAME = 64;

/** A certificate and its private key, both PEM. */
export interface GeneratedCertificate {
  /** One certificate; for servers the leaf, then its authority. */
  readonly cert: string;
  /** PKCS#8, not encrypted. */
  readonly key: string;
}

/** The authority given cannot sign: no CA certificate, no RSA key, expired, or a key of another certificate. */
export class UnusableAuthorityError extends Error {
  override readonly name = 'UnusableAuthorityError';
}

interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Who signs: the name and the key, as node-forge holds them. */
interface Issuer {
  readonly attributes: forge.pki.CertificateField[];
  readonly key: forge.pki.rsa.PrivateKey;
}

interface Draft {
  readonly commonName: string;
  readonly validity: Validity;
  readonly extensions: readonly Readonly<Record<string, unknown>>[];
  /** Absent: signed by its own key. */
  readonly issuer?: Issuer;
}

/**
 * Makes a certificate authority that signs itself (RFC 5280 §4.2.1.3, §4.2.1.9: CA, path length 0, may sign certificates and CRLs).
 * `days` defaults to ten years. Throws a RangeError for an impossible common name or number of days.
 */
export async function generateAuthority(
  options: { readonly commonName?: string; readonly days?: number } = {},
): Promise<GeneratedCertificate> {
  const { commonName = 'Sallyport development CA', days = AUTHORITY_DAYS } = options;
  return issue({
    commonName: checkCommonName(commonName),
    validity: validFor(checkDays(days, 36_500)),
    extensions: [
      { name: 'basicConstraints', critical: true, cA: true, pathLenConstraint: 0 },
      { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
    ],
  });
}

/**
 * Makes a server certificate whose subject alternative names are `names`: DNS names (`*.example.com` and non-ASCII names too) and IP literals.
 * `alsoClient`: it is good for a TLS client as well, as replicas need it. `cert` is the chain to present. Throws a RangeError for a bad name or more than {@link MAX_LEAF_DAYS}, and an
 * {@link UnusableAuthorityError}.
 */
export async function generateServerCertificate(
  authority: GeneratedCertificate,
  options: { readonly names: readonly string[]; readonly days?: number; readonly alsoClient?: boolean },
): Promise<GeneratedCertificate> {
  const altNames = [...new Set(options.names)].map(subjectAlternativeName);
  if (altNames.length === 0) throw new RangeError('a server certificate needs at least one name');
  const shown = altNames.map((name) => name.shown);
  const leaf = await issueLeaf(authority, {
    commonName: shown.find((name) => name.length <= MAX_COMMON_NAME) ?? 'server',
    days: options.days,
    usages: options.alsoClient ? ['serverAuth', 'clientAuth'] : ['serverAuth'],
    extensions: [{ name: 'subjectAltName', altNames: altNames.map((name) => name.field) }],
  });
  return { cert: leaf.cert + firstCertificate(authority.cert), key: leaf.key };
}

/**
 * Makes a client certificate for mutual TLS; its subject is `CN=<commonName>`. Throws a RangeError for an impossible common name
 * or more than {@link MAX_LEAF_DAYS}, and an {@link UnusableAuthorityError}.
 */
export async function generateClientCertificate(
  authority: GeneratedCertificate,
  options: { readonly commonName: string; readonly days?: number },
): Promise<GeneratedCertificate> {
  const commonName = checkCommonName(options.commonName);
  return issueLeaf(authority, { commonName, days: options.days, usages: ['clientAuth'], extensions: [] });
}

async function issueLeaf(
  authority: GeneratedCertificate,
  leaf: {
    readonly commonName: string;
    readonly days: number | undefined;
    readonly usages: readonly ('serverAuth' | 'clientAuth')[];
    readonly extensions: Draft['extensions'];
  },
): Promise<GeneratedCertificate> {
  const wanted = validFor(checkDays(leaf.days ?? MAX_LEAF_DAYS, MAX_LEAF_DAYS));
  const parent = readAuthority(authority);
  return issue({
    commonName: leaf.commonName,
    validity: within(wanted, parent.validity),
    issuer: parent.issuer,
    extensions: [
      { name: 'basicConstraints', critical: true, cA: false },
      { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true },
      { name: 'extKeyUsage', ...Object.fromEntries(leaf.usages.map((usage) => [usage, true])) },
      { name: 'authorityKeyIdentifier', keyIdentifier: parent.keyIdentifier },
      ...leaf.extensions,
    ],
  });
}

async function issue(draft: Draft): Promise<GeneratedCertificate> {
  const pair = await promisify(generateKeyPair)('rsa', {
    modulusLength: KEY_BITS,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const subject = [{ name: 'commonName', value: draft.commonName, valueTagClass: UTF8 }];
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(pair.publicKey);
  certificate.serialNumber = randomSerial();
  certificate.validity.notBefore = draft.validity.notBefore;
  certificate.validity.notAfter = draft.validity.notAfter;
  certificate.setSubject(subject);
  certificate.setIssuer(draft.issuer?.attributes ?? subject);
  certificate.setExtensions([...draft.extensions, { name: 'subjectKeyIdentifier' }]);
  certificate.sign(draft.issuer?.key ?? forge.pki.privateKeyFromPem(pair.privateKey), forge.md.sha256.create());
  return { cert: unixLines(forge.pki.certificateToPem(certificate)), key: pair.privateKey };
}

function readAuthority(authority: GeneratedCertificate): {
  readonly issuer: Issuer;
  readonly validity: Validity;
  readonly keyIdentifier: string;
} {
  const { pem, facts, key } = parseAuthority(authority);
  if (!facts.ca) throw new UnusableAuthorityError('the certificate is not one of a certificate authority');
  if (facts.publicKey.asymmetricKeyType !== 'rsa')
    throw new UnusableAuthorityError('the key of the authority is not RSA');
  if (!facts.checkPrivateKey(key)) throw new UnusableAuthorityError('the key does not belong to the certificate');
  if (facts.validToDate.getTime() <= Date.now()) {
    throw new UnusableAuthorityError(`the authority expired on ${facts.validToDate.toISOString()}`);
  }
  const certificate = forge.pki.certificateFromPem(pem);
  const stated = certificate.getExtension('subjectKeyIdentifier');
  return {
    issuer: {
      attributes: certificate.subject.attributes.map(decodedAttribute),
      key: forge.pki.privateKeyFromPem(key.export({ type: 'pkcs8', format: 'pem' }).toString()),
    },
    validity: { notBefore: facts.validFromDate, notAfter: facts.validToDate },
    keyIdentifier: statedKeyIdentifier(stated) ?? certificate.generateSubjectKeyIdentifier().getBytes(),
  };
}

function parseAuthority({ cert, key }: GeneratedCertificate): {
  readonly pem: string;
  readonly facts: X509Certificate;
  readonly key: KeyObject;
} {
  try {
    const pem = firstCertificate(cert);
    return { pem, facts: new X509Certificate(pem), key: createPrivateKey(key) };
  } catch (cause) {
    throw new UnusableAuthorityError('the certificate or its key is not readable PEM', { cause });
  }
}

/** RFC 5280 §4.2.1.1: what the authority itself states as its key identifier, however that was computed. */
function statedKeyIdentifier(extension: unknown): string | undefined {
  if (typeof extension !== 'object' || extension === null || !('subjectKeyIdentifier' in extension)) return undefined;
  const { subjectKeyIdentifier: hex } = extension;
  return typeof hex === 'string' ? forge.util.hexToBytes(hex) : undefined;
}

/** ASN.1 UTF8String; the types of node-forge call the field a class although it is a type. */
const UTF8 = forge.asn1.Type.UTF8 as unknown as forge.asn1.Class;

/** node-forge encodes UTF8String values when it writes them, but does not decode them when it reads. */
function decodedAttribute(attribute: forge.pki.CertificateField): forge.pki.CertificateField {
  if (attribute.valueTagClass !== UTF8 || typeof attribute.value !== 'string') return attribute;
  return { ...attribute, value: forge.util.decodeUtf8(attribute.value) };
}

/** RFC 5280 §4.1.2.2: positive, at most 20 octets; the first octet is neither negative nor a redundant zero. */
function randomSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function subjectAlternativeName(name: string): {
  readonly shown: string;
  readonly field: Readonly<Record<string, unknown>>;
} {
  if (isIP(name) !== 0 && !name.includes('%')) return { shown: name, field: { type: 7, ip: name } };
  const ascii = domainToASCII(name);
  const labels = ascii.replace(/^\*\./, '').split('.');
  if (ascii.length > 253 || !labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label))) {
    throw new RangeError(`not a DNS name or an IP address: ${JSON.stringify(name)}`);
  }
  return { shown: ascii, field: { type: 2, value: ascii } };
}

function checkCommonName(commonName: string): string {
  const length = [...commonName].length;
  if (length < 1 || length > MAX_COMMON_NAME || /\p{Cc}/u.test(commonName)) {
    throw new RangeError(
      `a common name has 1 to ${MAX_COMMON_NAME} printable characters: ${JSON.stringify(commonName)}`,
    );
  }
  return commonName;
}

function checkDays(days: number, most: number): number {
  if (!Number.isInteger(days) || days < 1 || days > most) throw new RangeError(`days must be 1 to ${most}: ${days}`);
  return days;
}

function validFor(days: number): Validity {
  const notBefore = new Date(Math.floor((Date.now() - BACKDATED) / 1000) * 1000);
  return { notBefore, notAfter: new Date(notBefore.getTime() + days * DAY) };
}

/** A leaf never outlives its authority, nor is it older. */
function within(wanted: Validity, outer: Validity): Validity {
  return {
    notBefore: wanted.notBefore < outer.notBefore ? outer.notBefore : wanted.notBefore,
    notAfter: wanted.notAfter > outer.notAfter ? outer.notAfter : wanted.notAfter,
  };
}

function firstCertificate(pem: string): string {
  return `${new X509Certificate(pem).toString().trimEnd()}\n`;
}

function unixLines(pem: string): string {
  return pem.replaceAll('\r\n', '\n');
}
