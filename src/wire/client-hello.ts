/**
 * The first message of a TLS client, read before TLS begins: which protocols, name and versions it offers, and which
 * session it wants to resume. Judges only what it reads; whether the handshake is any good is the business of TLS.
 */
import { MalformedOctets, OctetCursor } from './octet-cursor.ts';
import { OctetStore } from './octet-store.ts';

/** What a client offers. Buffers are views of what the reader holds. */
export interface ClientHello {
  /** Protocol names (RFC 7301), Latin-1, in the order of preference. Empty without the extension. */
  readonly alpn: readonly string[];
  /** The host name as it was sent (RFC 6066 §3): 1 to 255 printing ASCII characters, not checked to be a name. */
  readonly servername: string | undefined;
  /**
   * Version numbers such as 0x0303 for TLS 1.2 and 0x0304 for TLS 1.3: all of supported_versions without GREASE (RFC 8701),
   * or else the legacy version alone, which means "this one or an older one".
   */
  readonly versions: readonly number[];
  /**
   * The session id of TLS 1.2, 0 to 32 bytes. Names a session only where the hello has no ticket and no identity: besides
   * those, clients make it up (RFC 5077 §3.4, RFC 8446 §4.1.2).
   */
  readonly sessionId: Buffer;
  /** The ticket of TLS 1.2 (RFC 5077 §3.2). Undefined when it is missing or empty, which only asks for a new one. */
  readonly ticket: Buffer | undefined;
  /** The identities of pre_shared_key (RFC 8446 §4.2.11): the tickets of TLS 1.3. */
  readonly identities: readonly Buffer[];
  /** The first 16 bytes of the ticket and of each identity, where they have so many: names of ticket keys (RFC 5077 §4). */
  readonly ticketKeyNames: readonly Buffer[];
}

/**
 * Why bytes are no hello. `not-a-handshake`: no TLS handshake record, as clear text or an SSL 2 hello.
 * `not-a-client-hello`: another handshake message. `too-long`: more than the reader may hold. `malformed`: a length that
 * does not fit, or something that must not be in a hello.
 */
export type ClientHelloProblem = 'not-a-handshake' | 'not-a-client-hello' | 'too-long' | 'malformed';

/** How far the reader is. */
export type ClientHelloProgress =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'hello'; readonly hello: ClientHello }
  | { readonly kind: 'not-a-hello'; readonly problem: ClientHelloProblem };

const DEFAULT_MAX_BYTES = 16_384;
const RECORD_HEADER_BYTES = 5;
const MESSAGE_HEADER_BYTES = 4;
const HANDSHAKE_RECORD = 22;
const TLS_MAJOR_VERSION = 3;
/** Longest fragment of a record that is not encrypted (RFC 8446 §5.1). */
const LARGEST_FRAGMENT = 16_384;
const CLIENT_HELLO = 1;
const RANDOM_BYTES = 32;
const LONGEST_SESSION_ID = 32;
const TICKET_KEY_NAME_BYTES = 16;
const EXTENSION = { serverName: 0, alpn: 16, sessionTicket: 35, preSharedKey: 41, supportedVersions: 43 } as const;
const HOST_NAME = 0;
const PRINTING_NAME = /^[!-~]{1,255}$/;
const TICKET_AGE_BYTES = 4;
const SHORTEST_BINDER = 32;
const INCOMPLETE: ClientHelloProgress = { kind: 'incomplete' };

/**
 * Reads a hello from bytes in any chunks, from any number of records (RFC 8446 §5.1). Every way to cut the bytes gives the
 * same answer, as early as the bytes allow it; an answer other than `incomplete` is final. Never throws for what it is fed.
 */
export class ClientHelloReader {
  readonly #maxBytes: number;
  readonly #received = new OctetStore();
  /** The fragments of the records, joined. */
  readonly #message = new OctetStore();
  /** Received bytes before this one have been seen; so many bytes of the current record are still to come. */
  #at = 0;
  #recordLeft = 0;
  #progress = INCOMPLETE;

  /** The hello may end at most `maxBytes` bytes behind the first one. Throws a RangeError unless that is a positive integer. */
  constructor(maxBytes: number = DEFAULT_MAX_BYTES) {
    if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) throw new RangeError(`not a hello length: ${maxBytes}`);
    this.#maxBytes = maxBytes;
  }

  /** Everything that was pushed, to be given to TLS. What comes behind a `not-a-hello` is dropped. */
  get bytes(): Buffer {
    return this.#received.octets;
  }

  /** Takes a copy of the bytes, and tells what all of them are. */
  push(chunk: Uint8Array): ClientHelloProgress {
    if (this.#progress.kind === 'not-a-hello') return this.#progress;
    this.#received.append(chunk);
    if (this.#progress.kind === 'incomplete') this.#progress = this.#readRecords();
    return this.#progress;
  }

  #readRecords(): ClientHelloProgress {
    const received = this.#received.octets.subarray(0, this.#maxBytes);
    while (this.#at < received.length) {
      if (this.#recordLeft === 0) {
        const header = received.subarray(this.#at, this.#at + RECORD_HEADER_BYTES);
        if (!beginsHandshake(header)) return notAHello('not-a-handshake');
        if (header.length < RECORD_HEADER_BYTES) break;
        this.#recordLeft = header.readUInt16BE(3);
        this.#at += RECORD_HEADER_BYTES;
      }
      const fragment = received.subarray(this.#at, this.#at + this.#recordLeft);
      this.#recordLeft -= fragment.length;
      this.#at += fragment.length;
      this.#message.append(fragment);
      const progress = this.#readMessage();
      if (progress.kind !== 'incomplete') return progress;
    }
    return received.length < this.#maxBytes ? INCOMPLETE : notAHello('too-long');
  }

  #readMessage(): ClientHelloProgress {
    const message = this.#message.octets;
    if (message.length > 0 && message[0] !== CLIENT_HELLO) return notAHello('not-a-client-hello');
    if (message.length < MESSAGE_HEADER_BYTES) return INCOMPLETE;
    const end = MESSAGE_HEADER_BYTES + message.readUIntBE(1, 3);
    if (RECORD_HEADER_BYTES + end > this.#maxBytes) return notAHello('too-long');
    if (message.length < end) return INCOMPLETE;
    try {
      return { kind: 'hello', hello: parseClientHello(message.subarray(MESSAGE_HEADER_BYTES, end)) };
    } catch (error) {
      if (error instanceof MalformedOctets) return notAHello('malformed');
      throw error;
    }
  }
}

/**
 * Whether the first one to five bytes of a record may be those of a handshake record. Its minor version means nothing, and a
 * handshake record is never empty (RFC 8446 §5.1).
 */
function beginsHandshake(header: Buffer): boolean {
  const [type, major = TLS_MAJOR_VERSION] = header;
  if (type !== HANDSHAKE_RECORD || major !== TLS_MAJOR_VERSION) return false;
  if (header.length < RECORD_HEADER_BYTES) return true;
  const length = header.readUInt16BE(3);
  return length > 0 && length <= LARGEST_FRAGMENT;
}

function notAHello(problem: ClientHelloProblem): ClientHelloProgress {
  return { kind: 'not-a-hello', problem };
}

/** The body of the message (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2). Throws MalformedOctets, as all functions below. */
function parseClientHello(body: Buffer): ClientHello {
  const cursor = new OctetCursor(body);
  const legacyVersion = cursor.number(2);
  cursor.take(RANDOM_BYTES);
  const sessionId = cursor.vector(1);
  demand(sessionId.length <= LONGEST_SESSION_ID, 'the session id is too long');
  const cipherSuites = cursor.vector(2);
  demand(cipherSuites.length >= 2 && cipherSuites.length % 2 === 0, 'the cipher suites are no list of numbers');
  demand(cursor.vector(1).length > 0, 'no compression method');
  const extensions = cursor.atEnd ? new Map<number, Buffer>() : parseExtensions(cursor.vector(2));
  demand(cursor.atEnd, 'octets behind the extensions');
  const ticket = extensions.get(EXTENSION.sessionTicket);
  const identities = parsePreSharedKey(extensions.get(EXTENSION.preSharedKey));
  const tickets = ticket === undefined ? identities : [ticket, ...identities];
  return {
    alpn: parseAlpn(extensions.get(EXTENSION.alpn)),
    servername: parseServerName(extensions.get(EXTENSION.serverName)),
    versions: parseSupportedVersions(extensions.get(EXTENSION.supportedVersions)) ?? [legacyVersion],
    sessionId,
    ticket: ticket?.length === 0 ? undefined : ticket,
    identities,
    ticketKeyNames: tickets
      .filter(({ length }) => length >= TICKET_KEY_NAME_BYTES)
      .map((opaque) => opaque.subarray(0, TICKET_KEY_NAME_BYTES)),
  };
}

/** By type: each at most once (RFC 8446 §4.2), and pre_shared_key last (§4.2.11). */
function parseExtensions(block: Buffer): Map<number, Buffer> {
  const extensions = new Map<number, Buffer>();
  const cursor = new OctetCursor(block);
  while (!cursor.atEnd) {
    const type = cursor.number(2);
    demand(!extensions.has(type), 'an extension twice');
    demand(!extensions.has(EXTENSION.preSharedKey), 'an extension behind pre_shared_key');
    extensions.set(type, cursor.vector(2));
  }
  return extensions;
}

function parseServerName(extension: Buffer | undefined): string | undefined {
  if (extension === undefined) return undefined;
  const names = onlyVector(extension, 2).list((cursor) => ({ type: cursor.number(1), name: cursor.vector(2) }));
  demand(names.length > 0, 'an empty list of names');
  const [first, ...more] = names.filter(({ type }) => type === HOST_NAME).map(({ name }) => name.toString('latin1'));
  demand(more.length === 0, 'two host names');
  demand(first === undefined || PRINTING_NAME.test(first), 'a host name that is none');
  return first;
}

function parseAlpn(extension: Buffer | undefined): readonly string[] {
  if (extension === undefined) return [];
  const names = onlyVector(extension, 2).list((cursor) => cursor.vector(1).toString('latin1'));
  demand(names.length > 0 && !names.includes(''), 'an empty protocol name');
  return names;
}

function parseSupportedVersions(extension: Buffer | undefined): readonly number[] | undefined {
  if (extension === undefined) return undefined;
  const versions = onlyVector(extension, 1).list((cursor) => cursor.number(2));
  demand(versions.length > 0, 'no version');
  return versions.filter((version) => !isGrease(version));
}

/** 0x0A0A, 0x1A1A … 0xFAFA: there to be ignored (RFC 8701 §2). */
function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff);
}

/** The identities; there are as many binders, which are not looked at. */
function parsePreSharedKey(extension: Buffer | undefined): readonly Buffer[] {
  if (extension === undefined) return [];
  const cursor = new OctetCursor(extension);
  const identities = new OctetCursor(cursor.vector(2)).list((entry) => {
    const identity = entry.vector(2);
    entry.take(TICKET_AGE_BYTES);
    return identity;
  });
  const binders = new OctetCursor(cursor.vector(2)).list((entry) => entry.vector(1));
  demand(cursor.atEnd && identities.length > 0, 'no list of identities');
  demand(!identities.some(({ length }) => length === 0), 'an empty identity');
  demand(binders.length === identities.length, 'not one binder for each identity');
  demand(!binders.some(({ length }) => length < SHORTEST_BINDER), 'a binder that is too short');
  return identities;
}

/** An extension that is one vector and nothing else. */
function onlyVector(extension: Buffer, lengthSize: 1 | 2): OctetCursor {
  const cursor = new OctetCursor(extension);
  const vector = cursor.vector(lengthSize);
  demand(cursor.atEnd, 'octets behind the list');
  return new OctetCursor(vector);
}

function demand(condition: boolean, problem: string): void {
  if (!condition) throw new MalformedOctets(problem);
}
