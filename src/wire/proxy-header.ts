/**
 * The PROXY protocol, versions 1 and 2 (proxy-protocol.txt of HAProxy): which client a load balancer speaks for. Reads what
 * comes before the first byte of a connection. Does not know who may be trusted to send it.
 */
import { isIPv4, isIPv6 } from 'node:net';
import type { Endpoint } from '../net/address.ts';
import { addressOf, octetsOf } from './ip-octets.ts';
import { MalformedOctets, OctetCursor } from './octet-cursor.ts';
import { OctetStore } from './octet-store.ts';

/** What a header says. */
export interface ProxyHeader {
  readonly version: 1 | 2;
  /** `local`: the balancer speaks for itself, as in a health check (version 2 only). */
  readonly command: 'proxy' | 'local';
  /**
   * The ends of the client's connection, addresses canonical, ports 0 to 65535. Both undefined for `local`, and where the
   * balancer does not know them (UNKNOWN, UNSPEC): then the real ends of the connection may be used, or it is refused.
   */
  readonly source: Endpoint | undefined;
  readonly destination: Endpoint | undefined;
  /** What another replica put beside the addresses (version 2), so that it is believed; left out where there is nothing. */
  readonly token?: Buffer;
}

/**
 * Why bytes are no header. `no-signature`: the beginning is that of neither version. `unsupported-protocol`: UDP or a
 * UNIX socket, for which nobody connects to an FTP port. `too-long`: more than 107 bytes in version 1, more than allowed
 * in version 2. `malformed`: everything else.
 */
export type ProxyHeaderProblem = 'no-signature' | 'unsupported-protocol' | 'too-long' | 'malformed';

/** How far the reader is. `length`: bytes of the header; the rest belongs to the next layer. */
export type ProxyHeaderProgress =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'header'; readonly header: ProxyHeader; readonly length: number }
  | { readonly kind: 'invalid'; readonly problem: ProxyHeaderProblem };

/** `maxBytes`: the longest header of version 2, TLVs included. */
export interface ProxyHeaderOptions {
  readonly maxBytes?: number;
}

const DEFAULT_MAX_BYTES = 4096;
const INCOMPLETE: ProxyHeaderProgress = { kind: 'incomplete' };

const LONGEST_LINE = 107;
const LINE_END = '\r\n';
const LINE_BEGINNINGS = ['PROXY TCP4 ', 'PROXY TCP6 ', 'PROXY UNKNOWN'];
/** A line whose end has not come, as far as can be said without it. */
const POSSIBLE_LINE = /^PROXY (?:TCP[46] [\dA-Fa-f:. ]*|UNKNOWN(?: [^\r\n]*)?)\r?$/;
/** Without CR LF. A number has no zero in front. */
const TCP_LINE = /^PROXY TCP([46]) ([\dA-Fa-f:.]+) ([\dA-Fa-f:.]+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})$/;
const UNKNOWN_LINE = /^PROXY UNKNOWN(?: [^\r\n]*)?$/;

/** The beginning of version 2 (proxy-protocol.txt §2.2). */
export const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const FIXED_BYTES = 16;
const LOCAL_COMMAND = 0x20;
const PROXY_COMMAND = 0x21;
const UNSPECIFIED = 0x00;
/** TCP by the family and protocol byte, with the octets of one address. */
const TCP_ADDRESS_BYTES: ReadonlyMap<number | undefined, 4 | 16> = new Map([
  [0x11, 4],
  [0x21, 16],
]);
/** UDP over IPv4 and IPv6, UNIX stream and datagram. */
const UNSUPPORTED: readonly (number | undefined)[] = [0x12, 0x22, 0x31, 0x32];
/** Type of the TLV that replicas put a token into: the first of those for private use (proxy-protocol.txt §2.2.8). */
export const TOKEN_TYPE = 0xe0;
const PORT_BYTES = 2;
const LARGEST_PORT = 65535;

/**
 * Reads a header from bytes in any chunks. Every way to cut them gives the same answer, as early as the bytes allow it: what
 * can be neither version is invalid at the first byte that differs. An answer other than `incomplete` is final.
 * Never throws for what it is fed.
 */
export class ProxyHeaderReader {
  readonly #maxBytes: number;
  readonly #received = new OctetStore();
  #progress = INCOMPLETE;

  /** Throws a RangeError unless `maxBytes` is a positive integer; 4096 without. */
  constructor({ maxBytes = DEFAULT_MAX_BYTES }: ProxyHeaderOptions = {}) {
    if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) throw new RangeError(`not a header length: ${maxBytes}`);
    this.#maxBytes = maxBytes;
  }

  /**
   * Takes a copy of as many bytes as a header may have, and tells what all of them are. The caller keeps what it pushed:
   * the bytes behind `length`, counted from the first one pushed, are not the reader's.
   */
  push(chunk: Uint8Array): ProxyHeaderProgress {
    if (this.#progress.kind !== 'incomplete') return this.#progress;
    const room = Math.max(LONGEST_LINE, this.#maxBytes) - this.#received.octets.length;
    this.#received.append(chunk.subarray(0, room));
    this.#progress = read(this.#received.octets, this.#maxBytes);
    return this.#progress;
  }
}

function read(received: Buffer, maxBytes: number): ProxyHeaderProgress {
  if (received.length === 0) return INCOMPLETE;
  const beginning = received.subarray(0, SIGNATURE.length);
  if (beginning.equals(SIGNATURE.subarray(0, beginning.length))) return readVersion2(received, maxBytes);
  return readVersion1(received.toString('latin1', 0, LONGEST_LINE));
}

/** The first 107 characters or fewer (proxy-protocol.txt §2.1). */
function readVersion1(text: string): ProxyHeaderProgress {
  const known = LINE_BEGINNINGS.find((line) => line.startsWith(text.slice(0, line.length)));
  if (known === undefined) return invalid(text.startsWith('PROXY ') ? 'malformed' : 'no-signature');
  if (text.length < known.length) return INCOMPLETE;
  const end = text.indexOf(LINE_END);
  if (end >= 0) return parseLine(text.slice(0, end));
  if (!POSSIBLE_LINE.test(text)) return invalid('malformed');
  return text.length < LONGEST_LINE ? INCOMPLETE : invalid('too-long');
}

function parseLine(line: string): ProxyHeaderProgress {
  const length = line.length + LINE_END.length;
  if (UNKNOWN_LINE.test(line)) return withoutEndpoints(1, 'proxy', length);
  const [, family, from = '', to = '', fromPort, toPort] = TCP_LINE.exec(line) ?? [];
  const isAddress = family === '4' ? isIPv4 : isIPv6;
  if (!isAddress(from) || !isAddress(to) || !isPort(Number(fromPort)) || !isPort(Number(toPort))) {
    return invalid('malformed');
  }
  const source = { address: addressOf(octetsOf(from)), port: Number(fromPort) };
  const destination = { address: addressOf(octetsOf(to)), port: Number(toPort) };
  return { kind: 'header', header: { version: 1, command: 'proxy', source, destination }, length };
}

/** Begins with as much of the signature as has come (proxy-protocol.txt §2.2). */
function readVersion2(received: Buffer, maxBytes: number): ProxyHeaderProgress {
  const [command, protocol] = received.subarray(SIGNATURE.length);
  const problem = problemOf(command, protocol);
  if (problem !== undefined) return invalid(problem);
  if (received.length < FIXED_BYTES) return INCOMPLETE;
  const length = FIXED_BYTES + received.readUInt16BE(FIXED_BYTES - 2);
  if (length > maxBytes) return invalid('too-long');
  const addressBytes = command === PROXY_COMMAND ? TCP_ADDRESS_BYTES.get(protocol) : undefined;
  if (addressBytes !== undefined && length < FIXED_BYTES + 2 * (addressBytes + PORT_BYTES)) return invalid('malformed');
  if (received.length < length) return INCOMPLETE;
  if (addressBytes === undefined) return withoutEndpoints(2, command === LOCAL_COMMAND ? 'local' : 'proxy', length);
  return parseBlock(received.subarray(FIXED_BYTES, length), addressBytes, length);
}

/** What is wrong with the two bytes behind the signature, as far as they have come. For `local`, the protocol means nothing. */
function problemOf(command: number | undefined, protocol: number | undefined): ProxyHeaderProblem | undefined {
  if (command === undefined || command === LOCAL_COMMAND) return undefined;
  if (command !== PROXY_COMMAND) return 'malformed';
  if (protocol === undefined || protocol === UNSPECIFIED || TCP_ADDRESS_BYTES.has(protocol)) return undefined;
  return UNSUPPORTED.includes(protocol) ? 'unsupported-protocol' : 'malformed';
}

function parseBlock(block: Buffer, addressBytes: 4 | 16, length: number): ProxyHeaderProgress {
  const cursor = new OctetCursor(block);
  const [from, to] = [cursor.take(addressBytes), cursor.take(addressBytes)];
  const source = { address: addressOf(from), port: cursor.number(2) };
  const destination = { address: addressOf(to), port: cursor.number(2) };
  const tlvs = readTlvs(cursor);
  if (tlvs === undefined) return invalid('malformed');
  const token = tlvs.find(({ type }) => type === TOKEN_TYPE)?.value;
  const header = { version: 2, command: 'proxy', source, destination } as const;
  return { kind: 'header', header: token === undefined ? header : { ...header, token: Buffer.from(token) }, length };
}

/** The rest as whole TLVs: type, length, value (proxy-protocol.txt §2.2); undefined where it is none. Only a token is looked at. */
function readTlvs(cursor: OctetCursor): readonly { readonly type: number; readonly value: Buffer }[] | undefined {
  try {
    return cursor.list((tlv) => ({ type: tlv.number(1), value: tlv.vector(2) }));
  } catch (error) {
    if (error instanceof MalformedOctets) return undefined;
    throw error;
  }
}

function withoutEndpoints(version: 1 | 2, command: 'proxy' | 'local', length: number): ProxyHeaderProgress {
  return { kind: 'header', header: { version, command, source: undefined, destination: undefined }, length };
}

function invalid(problem: ProxyHeaderProblem): ProxyHeaderProgress {
  return { kind: 'invalid', problem };
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= LARGEST_PORT;
}
