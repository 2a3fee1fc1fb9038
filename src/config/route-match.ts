/**
 * Whom a route is for, and whether one route takes everybody whom another one is for. Pure. Errs on the side of "no": what is hard
 * to tell is not told.
 */
import { isNetwork, parseNetwork } from '../net/address.ts';
import { patternCovers } from '../wire/pattern.ts';

/** What must be true of a client's certificate. Null is anything. */
export interface CertificateMatch {
  readonly subject: readonly string[] | null;
  readonly subjectAltName: readonly string[] | null;
  /** SHA-256, upper case with colons. */
  readonly fingerprint: readonly string[] | null;
}

/** Whom a route is for: everything that is not null must hold; of a list, one. */
export interface RouteMatch {
  readonly listener: readonly string[] | null;
  readonly servername: readonly string[] | null;
  readonly host: readonly string[] | null;
  readonly user: readonly string[] | null;
  readonly clients: readonly string[] | null;
  readonly clientCertificate: CertificateMatch;
}

/** Whether a client that `inner` matches is always matched by `outer`. */
export function covers(outer: RouteMatch, inner: RouteMatch): boolean {
  const folded = (patterns: readonly string[] | null) => patterns?.map((pattern) => pattern.toLowerCase()) ?? null;
  return (
    everyIn(outer.listener, inner.listener, (a, b) => a === b) &&
    everyIn(folded(outer.servername), folded(inner.servername), patternCovers) &&
    everyIn(folded(outer.host), folded(inner.host), patternCovers) &&
    everyIn(outer.user, inner.user, patternCovers) &&
    everyIn(outer.clients, inner.clients, networkCovers) &&
    certificateCovers(outer.clientCertificate, inner.clientCertificate)
  );
}

/** Whether nothing is asked of the certificate. */
export function withoutMeaning({ subject, subjectAltName, fingerprint }: CertificateMatch): boolean {
  return subject === null && subjectAltName === null && fingerprint === null;
}

function certificateCovers(outer: CertificateMatch, inner: CertificateMatch): boolean {
  const folded = (patterns: readonly string[] | null) => patterns?.map((pattern) => pattern.toLowerCase()) ?? null;
  return (
    everyIn(folded(outer.subject), folded(inner.subject), patternCovers) &&
    everyIn(folded(outer.subjectAltName), folded(inner.subjectAltName), patternCovers) &&
    everyIn(outer.fingerprint, inner.fingerprint, (a, b) => a === b)
  );
}

/** Each alternative of `inner` lies in one of `outer`; null is everything. */
function everyIn(
  outer: readonly string[] | null,
  inner: readonly string[] | null,
  within: (outer: string, inner: string) => boolean,
): boolean {
  if (outer === null) return true;
  if (inner === null) return false;
  return inner.every((one) => outer.some((other) => within(other, one)));
}

function networkCovers(outer: string, inner: string): boolean {
  if (!isNetwork(outer) || !isNetwork(inner)) return false;
  const [outerBase = '', outerBits] = outer.split('/');
  const [base = '', bits] = inner.split('/');
  const full = (address: string) => (address.includes(':') ? 128 : 32);
  const wide = Number(outerBits ?? full(outerBase));
  return wide <= Number(bits ?? full(base)) && parseNetwork(outer).contains(base);
}
