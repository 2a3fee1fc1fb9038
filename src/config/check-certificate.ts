/**
 * Whether a certificate and its key can be used: readable, parseable, belonging together, within their time.
 * Reads the two files. Verifies no chain of trust: the clients do.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { reasonOf } from '../errors/system-error.ts';
import type { ConfigProblem } from './problem.ts';
import type { CertificateConfig } from './schema.ts';

/** Milliseconds. */
export const DAY = 86_400_000;
/** Certificates that end within this time deserve a warning. */
export const SOON = 30 * DAY;

/** What is wrong with files, and what is doubtful. */
export interface Findings {
  readonly errors: ConfigProblem[];
  readonly warnings: ConfigProblem[];
}

/**
 * Checks one pair of files. `path` is its key in the configuration; `role` is what it is shown as. Never rejects: what cannot be read
 * is an error found.
 */
export async function checkCertificate(
  files: CertificateConfig,
  path: string,
  now: Date,
  role: 'server' | 'client' = 'server',
): Promise<Findings> {
  const found: Findings = { errors: [], warnings: [] };
  const certificates = await attempt(found, `${path}.cert`, () => readCertificates(files.cert));
  const key = await attempt(found, `${path}.key`, () => readPrivateKey(files.key));
  const [leaf] = certificates ?? [];
  if (leaf !== undefined && key !== undefined && !leaf.checkPrivateKey(key)) {
    const message = `the key in ${files.key} does not belong to the certificate in ${files.cert}`;
    found.errors.push({ path: `${path}.key`, message, related: [`${path}.cert`] });
  }
  certificates?.forEach((certificate, index) => {
    checkTime(
      found,
      certificate,
      `${path}.cert`,
      index === 0 ? files.cert : `${files.cert} (number ${index + 1})`,
      now,
    );
  });
  if (certificates !== undefined) checkChain(found, certificates, `${path}.cert`, files.cert, role);
  return found;
}

/** Looks for certificates in a file of authorities; what is wrong is added to `found`. `path` is its key in the configuration. */
export async function readAuthorities(found: Findings, path: string, file: string): Promise<void> {
  await attempt(found, path, () => readCertificates(file));
}

/** A file that cannot be used: the message says why. */
export class UnusableFile extends Error {}

/** What `read` gives; undefined, with the error noted under `path`, where it raises {@link UnusableFile}. */
export async function attempt<T>(found: Findings, path: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof UnusableFile)) throw error;
    found.errors.push({ path, message: error.message });
    return undefined;
  }
}

/** Raises {@link UnusableFile}. */
export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UnusableFile(`${file} cannot be read: ${reasonOf(error)}`);
  }
}

/** All certificates of a PEM file. Raises {@link UnusableFile}. */
export async function readCertificates(file: string): Promise<readonly X509Certificate[]> {
  const text = await readText(file);
  const blocks = text.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? [];
  if (blocks.length === 0) throw new UnusableFile(`${file} has no PEM certificate (-----BEGIN CERTIFICATE-----)`);
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (error) {
    throw new UnusableFile(`${file} has a certificate that cannot be parsed: ${reasonOf(error)}`);
  }
}

async function readPrivateKey(file: string): Promise<KeyObject> {
  const text = await readText(file);
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) throw new UnusableFile(`${file} has no PEM private key`);
  if (/BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(text)) {
    throw new UnusableFile(`${file} is encrypted, expected a private key without passphrase`);
  }
  try {
    return createPrivateKey(text);
  } catch (error) {
    throw new UnusableFile(`${file} has a private key that cannot be parsed: ${reasonOf(error)}`);
  }
}

function checkTime(found: Findings, certificate: X509Certificate, path: string, file: string, now: Date): void {
  const { validFromDate: from, validToDate: to } = certificate;
  const ends = to.toISOString();
  const left = to.getTime() - now.getTime();
  if (left <= 0) found.errors.push({ path, message: `the certificate in ${file} expired at ${ends}` });
  else if (left < SOON) {
    const days = Math.floor(left / DAY);
    found.warnings.push({ path, message: `the certificate in ${file} expires in ${days} days, at ${ends}` });
  }
  if (from > now) {
    found.errors.push({ path, message: `the certificate in ${file} is not valid before ${from.toISOString()}` });
  }
}

/** RFC 8446 §4.4.2: the leaf first; many clients want each certificate to be followed by its issuer. RFC 9525 §2: names are in the SAN. */
function checkChain(
  found: Findings,
  certificates: readonly X509Certificate[],
  path: string,
  file: string,
  role: 'server' | 'client',
): void {
  const broken = certificates.findIndex((certificate, index) => {
    const issuer = certificates[index + 1];
    return issuer !== undefined && !certificate.checkIssued(issuer);
  });
  if (broken !== -1) {
    const message = `certificate ${broken + 2} in ${file} is not the issuer of certificate ${broken + 1}; expected leaf, then issuers in order`;
    found.warnings.push({ path, message });
  }
  if (role === 'server' && certificates[0]?.subjectAltName === undefined) {
    const message = `the certificate in ${file} has no subject alternative name; most clients will refuse it`;
    found.warnings.push({ path, message });
  }
}
