/**
 * What somebody is told whose request is not answered. Pure.
 */
import type { Denial } from './access.ts';
import { GuessLimit } from './guess-limit.ts';

/** The answer to a request that is denied. */
export interface DenialAnswer {
  readonly status: 401 | 403 | 429;
  readonly error: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A browser asks its user for a name, which does not count, and a password: the token. */
const CHALLENGE = { 'www-authenticate': 'Basic realm="Sallyport", charset="UTF-8", Bearer realm="Sallyport"' };

/** By the reason. */
export const DENIALS: Readonly<Record<Denial, DenialAnswer>> = {
  'no-token': {
    status: 401,
    error:
      'a token is needed: "Authorization: Bearer TOKEN"; for reading, a browser may send it as password with any name',
    headers: CHALLENGE,
  },
  'wrong-token': { status: 401, error: 'this token is wrong', headers: CHALLENGE },
  'read-only-token': {
    status: 403,
    error: 'this token only reads; giving orders needs admin.writeToken',
    headers: {},
  },
  'too-many-guesses': {
    status: 429,
    error: 'too many wrong tokens from your address, try again in a minute',
    headers: { 'retry-after': String(GuessLimit.patience), connection: 'close' },
  },
  'no-certificate': {
    status: 403,
    error: 'a client certificate of an authority in admin.tls.clientCa is needed',
    headers: {},
  },
  'foreign-host': {
    status: 403,
    error: 'without admin.readToken or admin.tls.clientCa the Host must be an address or localhost',
    headers: {},
  },
  forwarded: {
    status: 403,
    error:
      'without admin.readToken or admin.tls.clientCa nothing is read through a proxy (Forwarded, Via, X-Forwarded-…, X-Real-IP)',
    headers: {},
  },
  'reading-not-configured': {
    status: 403,
    error:
      'the side port does not listen on a loopback address: what runs can be read only with admin.readToken or admin.tls.clientCa',
    headers: {},
  },
  'writing-not-configured': {
    status: 403,
    error: 'giving orders needs admin.writeToken, and none is configured',
    headers: {},
  },
};
