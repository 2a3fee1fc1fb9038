/**
 * The keys of `match` that routes and access rules share: whom something is for.
 */
import * as field from './fields.ts';
import * as text from './text-fields.ts';

/** Keys with their types and meanings; all of them are null where nothing is asked. */
export const MATCH = {
  listener: text.namesOrNull({ meaning: 'Names of listeners.', default: null }),
  servername: text.patternsOrNull({
    meaning: 'The name in the TLS handshake (SNI); `*` and `?` stand for other characters, case does not count.',
    default: null,
  }),
  host: text.patternsOrNull({
    meaning: 'The name that the client said with HOST (RFC 7151); patterns as in `servername`.',
    default: null,
  }),
  user: text.patternsOrNull({
    meaning: 'The name that the client said with USER; `*` and `?` stand for other characters, case counts.',
    default: null,
  }),
  clients: text.networksOrNull({ meaning: 'Networks of the clients.', default: null }),
  clientCertificate: field.section('The certificate that the client showed and that was found valid.', {
    subject: text.patternsOrNull({
      meaning: 'Its subject, as in `CN=plant1,O=Example`; patterns, case does not count.',
      default: null,
    }),
    subjectAltName: text.patternsOrNull({
      meaning: 'One of its alternative names, as in `DNS:plant1.example.com`; patterns, case does not count.',
      default: null,
    }),
    fingerprint: text.fingerprintsOrNull({ meaning: 'SHA-256 of the certificate.', default: null }),
  }),
};
