/**
 * A TLS session of a client as Node hands it over, in OpenSSL's own DER form: how long it can be resumed by the word of the server that
 * issued it. Knows nothing else of it. Neither form is documented: what cannot be read is not an error.
 */
import { MalformedOctets, OctetCursor } from './octet-cursor.ts';

/** Node 26 puts this and the server's name, behind its length of two octets, before the DER form (lib/internal/tls/wrap.js). */
const NODE_PREFIX = Buffer.from('\0nodejs:tls:session:1\0');
const SEQUENCE = 0x30;
/** Context tags of OpenSSL's SSL_SESSION (ssl/ssl_asn1.c, since 1.0): when it began, and the lifetime that came with its ticket; seconds. */
const BEGAN = 0xa1;
const TICKET_LIFETIME = 0xa9;
const SHORT_LENGTH = 0x80;

/**
 * When the ticket of a session is over (RFC 5077 §3.3, RFC 8446 §4.6.1), milliseconds since 1970. Undefined where the server named no
 * lifetime, as for sessions without a ticket, and where the bytes cannot be read.
 */
export function endOfTicket(session: Buffer): number | undefined {
  try {
    const fields = new Map(fieldsOf(session));
    const [began, lifetime] = [fields.get(BEGAN), fields.get(TICKET_LIFETIME)];
    if (began === undefined || lifetime === undefined) return undefined;
    const seconds = integer(lifetime);
    return seconds === 0 ? undefined : (integer(began) + seconds) * 1000;
  } catch (error) {
    if (error instanceof MalformedOctets) return undefined;
    throw error;
  }
}

function fieldsOf(session: Buffer): (readonly [number, Buffer])[] {
  const cursor = new OctetCursor(session);
  if (session.subarray(0, NODE_PREFIX.length).equals(NODE_PREFIX)) {
    cursor.take(NODE_PREFIX.length);
    cursor.vector(2);
  }
  const [tag, content] = element(cursor);
  if (tag !== SEQUENCE) throw new MalformedOctets('not a sequence');
  return new OctetCursor(content).list(element);
}

/** The next element: its tag and its content (X.690 §8.1, lengths up to two octets). */
function element(cursor: OctetCursor): readonly [number, Buffer] {
  const tag = cursor.number(1);
  const length = cursor.number(1);
  if (length < SHORT_LENGTH) return [tag, cursor.take(length)];
  const size = length - SHORT_LENGTH;
  if (size !== 1 && size !== 2) throw new MalformedOctets('an element of an unexpected length');
  return [tag, cursor.vector(size)];
}

function integer(field: Buffer): number {
  const [, octets] = element(new OctetCursor(field));
  return Number.parseInt(octets.toString('hex') || '0', 16);
}
