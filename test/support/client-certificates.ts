/**
 * Certificates of clients, valid and not, and the files by which a gateway judges them. Made for each caller in a folder of its own;
 * all share one RSA key, because keys take long.
 */
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import forge from 'node-forge';

/** What a client shows: PEM texts. */
export interface ShownCertificate {
  readonly cert: string;
  readonly key: string;
}

/** The files, and a certificate for every case. */
export interface ClientCertificates {
  readonly folder: string;
  /** Paths. `expiredCrl` has an end that is over; `foreignCa` is the authority of `foreign`. */
  readonly ca: string;
  readonly foreignCa: string;
  readonly expiredCa: string;
  readonly crl: string;
  readonly expiredCrl: string;
  readonly clients: Readonly<Record<ClientName, ShownCertificate>>;
  /** Of a server at 127.0.0.1, and its time is over. */
  readonly expiredServer: ShownCertificate;
  remove(): Promise<void>;
}

/** `server`: of the right authority, but not for clients. */
export type ClientName = 'alice' | 'bob' | 'expired' | 'early' | 'revoked' | 'foreign' | 'server' | 'nameless';

/** A key and its public half, in PEM. */
export interface KeyPair {
  readonly publicKey: string;
  readonly privateKey: string;
}

const DAY = 86_400_000;

/** A new RSA key. */
export function newKeyPair(): KeyPair {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

const PAIR = newKeyPair();

const { asn1, pki } = forge;
let serial = 1;

/** What a certificate is to say; its key and that of its issuer are the common one unless told otherwise. */
export interface Draft {
  readonly name: string;
  readonly issuer: string;
  readonly pair?: KeyPair;
  readonly signer?: KeyPair;
  /** Days from now. */
  readonly from?: number;
  readonly to?: number;
  readonly usage?: 'clientAuth' | 'serverAuth' | 'authority';
  readonly altNames?: readonly object[];
}

/** Makes a certificate. */
export function issue(draft: Draft): { readonly pem: string; readonly serial: string } {
  const { name, issuer, pair = PAIR, signer = PAIR, from = -30, to = 30, usage = 'clientAuth', altNames = [] } = draft;
  const certificate = pki.createCertificate();
  certificate.publicKey = pki.publicKeyFromPem(pair.publicKey);
  certificate.serialNumber = (0x1000 + serial++).toString(16);
  certificate.validity.notBefore = new Date(Date.now() + from * DAY);
  certificate.validity.notAfter = new Date(Date.now() + to * DAY);
  certificate.setSubject(nameAttributes(name));
  certificate.setIssuer(nameAttributes(issuer));
  const authority = usage === 'authority';
  certificate.setExtensions([
    { name: 'basicConstraints', critical: true, cA: authority },
    authority
      ? { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true }
      : { name: 'extKeyUsage', [usage]: true },
    ...(altNames.length > 0 ? [{ name: 'subjectAltName', altNames }] : []),
  ]);
  certificate.sign(pki.privateKeyFromPem(signer.privateKey), forge.md.sha256.create());
  return { pem: pki.certificateToPem(certificate).replaceAll('\r', ''), serial: certificate.serialNumber };
}

function nameAttributes(name: string): forge.pki.CertificateField[] {
  const commonName = { name: 'commonName', value: name };
  const organization = { name: 'organizationName', value: 'Example' };
  return name === '' ? [organization] : [commonName, organization];
}

/** A list of revoked certificates of this issuer (RFC 5280 §5.1), valid for this many days. */
export function revocationList(issuer: string, serials: readonly string[], days: number, signer = PAIR): string {
  const { Class, Type } = asn1;
  const node = (type: number, value: string | forge.asn1.Asn1[]) =>
    asn1.create(Class.UNIVERSAL, type, typeof value !== 'string', value);
  const algorithm = () =>
    node(Type.SEQUENCE, [node(Type.OID, asn1.oidToDer('1.2.840.113549.1.1.11').getBytes()), node(Type.NULL, '')]);
  const time = (date: Date) => node(Type.UTCTIME, asn1.dateToUtcTime(date));
  const certificate = pki.createCertificate();
  certificate.setSubject(nameAttributes(issuer));
  const name = pki.distinguishedNameToAsn1(certificate.subject);
  const now = new Date(Date.now() - 10 * DAY);
  const revoked = serials.map((each) =>
    node(Type.SEQUENCE, [node(Type.INTEGER, forge.util.hexToBytes(each)), time(now)]),
  );
  const body = node(Type.SEQUENCE, [
    node(Type.INTEGER, '\x01'),
    algorithm(),
    name,
    time(now),
    time(new Date(Date.now() + days * DAY)),
    ...(revoked.length > 0 ? [node(Type.SEQUENCE, revoked)] : []),
  ]);
  const signature = sign('sha256', Buffer.from(asn1.toDer(body).getBytes(), 'latin1'), signer.privateKey);
  const whole = node(Type.SEQUENCE, [body, algorithm(), node(Type.BITSTRING, `\0${signature.toString('latin1')}`)]);
  const base64 = Buffer.from(asn1.toDer(whole).getBytes(), 'latin1').toString('base64');
  return `-----BEGIN X509 CRL-----\n${base64.replace(/.{64}/g, '$&\n')}\n-----END X509 CRL-----\n`;
}

/** Makes them all. */
export async function makeClientCertificates(): Promise<ClientCertificates> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-clients-'));
  const write = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  const own = 'Partners';
  const revoked = issue({ name: 'alice', issuer: own });
  const shown = ({ pem }: { readonly pem: string }): ShownCertificate => ({ cert: pem, key: PAIR.privateKey });
  const alice = [
    { type: 1, value: 'alice@example.com' },
    { type: 2, value: 'alice.example.com' },
    { type: 6, value: 'spiffe://example.com/alice' },
  ];
  return {
    folder,
    ca: await write('ca.pem', issue({ name: own, issuer: own, usage: 'authority' }).pem),
    foreignCa: await write('foreign-ca.pem', issue({ name: 'Strangers', issuer: 'Strangers', usage: 'authority' }).pem),
    expiredCa: await write('expired-ca.pem', issue({ name: own, issuer: own, usage: 'authority', to: -1 }).pem),
    crl: await write('crl.pem', revocationList(own, [revoked.serial], 5)),
    expiredCrl: await write('expired-crl.pem', revocationList(own, [], -1)),
    clients: {
      alice: shown(issue({ name: 'alice', issuer: own, altNames: alice })),
      bob: shown(issue({ name: 'bob', issuer: own })),
      expired: shown(issue({ name: 'alice', issuer: own, to: -1 })),
      early: shown(issue({ name: 'alice', issuer: own, from: 1 })),
      revoked: shown(revoked),
      foreign: shown(issue({ name: 'alice', issuer: 'Strangers' })),
      server: shown(issue({ name: 'alice', issuer: own, usage: 'serverAuth' })),
      nameless: shown(issue({ name: '', issuer: own })),
    },
    expiredServer: shown(
      issue({ name: 'localhost', issuer: own, usage: 'serverAuth', to: -1, altNames: [{ type: 7, ip: '127.0.0.1' }] }),
    ),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
