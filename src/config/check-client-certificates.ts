/**
 * Whether the files by which certificates of clients are judged can be used: readable, parseable, within their time, lists for
 * each authority. Verifies no client.
 */
import type { X509Certificate } from 'node:crypto';
import { inspectRevocationList, nameOf, type RevocationListFacts, revocationListBlocks } from '../certs/revocation.ts';
import { reasonOf } from '../errors/system-error.ts';
import { attempt, DAY, type Findings, readCertificates, readText, SOON, UnusableFile } from './check-certificate.ts';
import type { ClientCertificatesConfig } from './client-certificates.ts';

/** Lists live for days rather than for months: those that end within this time deserve a warning. */
const LIST_SOON = DAY;
/** Every session has the lists in its own TLS context: about 200 bytes for each revoked certificate (measured). */
const MANY_REVOKED = 1000;

interface Listener {
  readonly clientCertificates: ClientCertificatesConfig;
}

/** Checks the files of every listener, each file once. Never rejects: what cannot be read is an error found. */
export async function checkClientCertificates(
  { tls, listeners }: { readonly tls: Listener; readonly listeners: readonly Listener[] },
  now: Date,
): Promise<Findings> {
  const found: Findings = { errors: [], warnings: [] };
  const seen = new Set<string>();
  for (const [index, { clientCertificates }] of listeners.entries()) {
    const { mode, ca, crl } = clientCertificates;
    const files = `${ca}\n${crl}`;
    if (mode === 'off' || ca === null || seen.has(files)) continue;
    seen.add(files);
    const global = tls.clientCertificates;
    const at = (key: 'ca' | 'crl') =>
      global[key] === clientCertificates[key]
        ? `tls.clientCertificates.${key}`
        : `listeners[${index}].clientCertificates.${key}`;
    const authorities = await attempt(found, at('ca'), () => readCertificates(ca));
    if (authorities !== undefined) checkAuthorities(found, authorities, at('ca'), ca, now);
    if (crl === null) continue;
    const lists = await attempt(found, at('crl'), () => readLists(crl));
    if (lists === undefined) continue;
    checkLists(found, lists, at('crl'), crl, now);
    if (authorities === undefined) continue;
    checkCoverage(found, authorities, lists, at('crl'), crl);
    checkRoots(found, authorities, at('ca'), ca);
  }
  return found;
}

async function readLists(file: string): Promise<readonly RevocationListFacts[]> {
  const blocks = revocationListBlocks(await readText(file));
  if (blocks.length === 0)
    throw new UnusableFile(`${file} has no PEM list of revoked certificates (-----BEGIN X509 CRL-----)`);
  try {
    return blocks.map(inspectRevocationList);
  } catch (error) {
    throw new UnusableFile(`${file} has a list that cannot be parsed: ${reasonOf(error)}`);
  }
}

/** One that has expired is doubtful while another one is valid; without any nobody can come in. */
function checkAuthorities(
  found: Findings,
  authorities: readonly X509Certificate[],
  path: string,
  file: string,
  now: Date,
): void {
  const expired = authorities.filter(({ validToDate }) => validToDate <= now);
  const severe = expired.length === authorities.length;
  for (const { subject, validToDate } of expired) {
    const message = `the authority ${oneLine(subject)} in ${file} expired at ${validToDate.toISOString()}: its certificates are not valid`;
    found[severe ? 'errors' : 'warnings'].push({ path, message });
  }
  for (const { subject, validToDate, ca } of authorities) {
    const left = validToDate.getTime() - now.getTime();
    if (left > 0 && left < SOON) {
      const message = `the authority ${oneLine(subject)} in ${file} expires in ${Math.floor(left / DAY)} days, at ${validToDate.toISOString()}`;
      found.warnings.push({ path, message });
    }
    if (!ca) {
      const message = `${oneLine(subject)} in ${file} is no authority: only this very certificate is valid by it`;
      found.warnings.push({ path, message });
    }
  }
}

/** A list whose time is over makes all certificates of its authority invalid (RFC 5280 §6.3.3). */
function checkLists(
  found: Findings,
  lists: readonly RevocationListFacts[],
  path: string,
  file: string,
  now: Date,
): void {
  for (const [index, { nextUpdate, revoked }] of lists.entries()) {
    const name = lists.length === 1 ? `the list in ${file}` : `list ${index + 1} in ${file}`;
    if (revoked > MANY_REVOKED) {
      const message = `${name} has ${revoked} certificates: every session keeps a copy of about ${Math.round(revoked / 5)} KiB`;
      found.warnings.push({ path, message });
    }
    if (nextUpdate === undefined) continue;
    const left = nextUpdate.getTime() - now.getTime();
    const ends = nextUpdate.toISOString();
    if (left <= 0) {
      found.errors.push({ path, message: `${name} expired at ${ends}: no certificate of its authority is valid` });
    } else if (left < LIST_SOON) {
      found.warnings.push({ path, message: `${name} expires within a day, at ${ends}` });
    }
  }
}

function checkCoverage(
  found: Findings,
  authorities: readonly X509Certificate[],
  lists: readonly RevocationListFacts[],
  path: string,
  file: string,
): void {
  for (const authority of authorities) {
    if (lists.some(({ issuer }) => issuer === nameOf(authority))) continue;
    const message = `${file} has no list of the authority ${oneLine(authority.subject)}: none of its certificates is valid`;
    found.warnings.push({ path, message });
  }
}

/** Revocation is looked up for each certificate of a chain, and for the last one only where that is a root (RFC 5280 §6.3). */
function checkRoots(found: Findings, authorities: readonly X509Certificate[], path: string, file: string): void {
  const rootless = authorities.filter((authority) => !leadsToRoot(authority, authorities));
  const severe = rootless.length === authorities.length;
  for (const { subject } of rootless) {
    const message = `with crl the authority ${oneLine(subject)} needs those above it in ${file}, up to the root: as it is, none of its certificates is valid`;
    found[severe ? 'errors' : 'warnings'].push({ path, message });
  }
}

function leadsToRoot(authority: X509Certificate, others: readonly X509Certificate[]): boolean {
  if (authority.checkIssued(authority)) return true;
  const rest = others.filter((each) => each !== authority);
  return rest.some((above) => authority.checkIssued(above) && leadsToRoot(above, rest));
}

function oneLine(subject: string): string {
  return subject.replaceAll('\n', ', ');
}
