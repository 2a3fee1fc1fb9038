/**
 * What is known of sessions and transfers as flat fields, for log lines and audit records alike. Text that a peer may have had a hand
 * in is made printable here.
 */
import { formatEndpoint } from '../net/address.ts';
import type { TlsFacts } from '../tls/facts.ts';
import { printable } from '../wire/redact.ts';
import { asLatin1 } from './log-text.ts';
import type { LegFacts } from './session-records.ts';

/** TLS of the client's control connection. */
export function tlsFields(facts: TlsFacts | undefined) {
  return {
    tls: facts?.version,
    cipher: facts?.cipher,
    resumed: facts?.resumed,
    clientCertificate: shown(facts?.clientCertificate?.subject),
    cleared: facts?.cleared,
  };
}

/** The client's data connection, as far as there was one. */
export function clientLegFields(leg: LegFacts | undefined) {
  return {
    clientDataPeer: leg && formatEndpoint(leg.peer),
    clientDataLocal: leg && formatEndpoint(leg.local),
    clientDataProtection: leg?.protection,
    clientDataTls: leg?.tls?.version,
    clientDataCipher: leg?.tls?.cipher,
    clientDataResumed: leg?.tls?.resumed,
  };
}

/** The backend's data connection, as far as there was one. */
export function backendLegFields(leg: LegFacts | undefined) {
  return {
    backendDataPeer: leg && formatEndpoint(leg.peer),
    backendDataLocal: leg && formatEndpoint(leg.local),
    backendDataProtection: leg?.protection,
    backendDataTls: leg?.tls?.version,
    backendDataCipher: leg?.tls?.cipher,
    backendDataResumed: leg?.tls?.resumed,
  };
}

/** Text that a peer may have had a hand in, safe for a line: Latin-1, or text of people. */
export function shown(text: string | undefined): string | undefined {
  return text === undefined ? undefined : printable(asLatin1(text));
}
