/**
 * Writes the PROXY protocol, versions 1 and 2 (proxy-protocol.txt of HAProxy): who the client is for whom we speak, and what
 * its TLS is like. Reads nothing, see `proxy-header.ts`.
 */
import type { Endpoint } from '../net/address.ts';
import { octetsOf } from './ip-octets.ts';
import { SIGNATURE, TOKEN_TYPE } from './proxy-header.ts';

/** The ends of the client's connection. */
export interface ProxyEnds {
  readonly source: Endpoint;
  readonly destination: Endpoint;
}

/** TLS of the client's connection. */
export interface ProxyTls {
  /** As Node says it: `TLSv1.3`. */
  readonly version: string;
  readonly cipher: string;
  /** That of the client, where it has shown one that is valid; it need not have a common name. */
  readonly certificate?: { readonly commonName: string | undefined } | undefined;
}

/** What version 2 may say beside the addresses, as TLVs. */
export interface ProxyFacts {
  readonly alpn?: string | undefined;
  /** The name that the client asked for (SNI). */
  readonly authority?: string | undefined;
  readonly tls?: ProxyTls | undefined;
  /** By which another replica believes the header. */
  readonly token?: Buffer | undefined;
}

const LOCAL_COMMAND = 0x20;
const PROXY_COMMAND = 0x21;
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;
const IPV4_MAPPED = Buffer.from('00000000000000000000ffff', 'hex');
const LARGEST_PORT = 65535;
/** Of a TLV, in bytes: that of a DNS name. */
const LONGEST_TEXT = 255;

/** Types of TLVs (proxy-protocol.txt §2.2). */
const TYPE = { alpn: 0x01, authority: 0x02, tls: 0x20, tlsVersion: 0x21, commonName: 0x22, cipher: 0x23 } as const;
/** Flags of the TLV about TLS: the connection has it; a certificate was shown on it and in its session. */
const CLIENT_TLS = 0x01;
const CLIENT_CERTIFICATE = 0x02 | 0x04;
/** Result of the verification: zero only where a certificate was shown and is valid. */
const VERIFIED = 0;
const NOTHING_VERIFIED = 1;

/** The line of version 1. Throws a RangeError unless both endpoints have a literal address of one family, and ports from 0 to 65535. */
export function formatProxyHeaderV1({ source, destination }: ProxyEnds): Buffer {
  const lengths = [source, destination].map(({ address, port }) => {
    requirePort(port);
    return octetsOf(address).length;
  });
  if (lengths[0] !== lengths[1]) throw new RangeError('addresses of two families');
  const family = lengths[0] === 4 ? 'TCP4' : 'TCP6';
  const line = ['PROXY', family, source.address, destination.address, source.port, destination.port].join(' ');
  return Buffer.from(`${line}\r\n`, 'latin1');
}

/**
 * The header of version 2, for TCP. IPv6 as soon as one of the addresses is. Throws a RangeError unless both endpoints have a
 * literal address without zone and a port from 0 to 65535.
 */
export function formatProxyHeaderV2({ source, destination }: ProxyEnds, facts: ProxyFacts = {}): Buffer {
  const ends = [source, destination];
  for (const { port } of ends) requirePort(port);
  const addresses = ends.map(({ address }) => octetsOf(address));
  const isIPv4Only = addresses.every(({ length }) => length === 4);
  const block = Buffer.concat([
    ...(isIPv4Only ? addresses : addresses.map(mapped)),
    ...ends.map(({ port }) => number16(port)),
    ...tlvs(facts),
  ]);
  const protocol = isIPv4Only ? TCP_OVER_IPV4 : TCP_OVER_IPV6;
  return Buffer.concat([SIGNATURE, Buffer.from([PROXY_COMMAND, protocol]), number16(block.length), block]);
}

/** The header of somebody who speaks for himself: LOCAL in version 2, UNKNOWN in version 1, which has nothing else. */
export function formatWithoutClient(version: 'v1' | 'v2'): Buffer {
  if (version === 'v1') return Buffer.from('PROXY UNKNOWN\r\n', 'latin1');
  return Buffer.concat([SIGNATURE, Buffer.from([LOCAL_COMMAND, 0, 0, 0])]);
}

function tlvs({ alpn, authority, tls, token }: ProxyFacts): Buffer[] {
  return [
    ...text(TYPE.alpn, alpn),
    ...text(TYPE.authority, authority),
    ...(tls === undefined ? [] : [tlv(TYPE.tls, tlsValue(tls))]),
    ...(token === undefined ? [] : [tlv(TOKEN_TYPE, token)]),
  ];
}

/** Flags, the result of the verification in 32 bits, then TLVs again (proxy-protocol.txt §2.2.6). */
function tlsValue({ version, cipher, certificate }: ProxyTls): Buffer {
  const flags = certificate === undefined ? CLIENT_TLS : CLIENT_TLS | CLIENT_CERTIFICATE;
  const verify = certificate === undefined ? NOTHING_VERIFIED : VERIFIED;
  return Buffer.concat([
    Buffer.from([flags, 0, 0, 0, verify]),
    ...text(TYPE.tlsVersion, version),
    ...text(TYPE.commonName, certificate?.commonName),
    ...text(TYPE.cipher, cipher),
  ]);
}

/** Left out where it is longer than any real name: cut, it would be another one. */
function text(type: number, value: string | undefined): Buffer[] {
  const bytes = Buffer.from(value ?? '', 'utf8');
  return value === undefined || bytes.length > LONGEST_TEXT ? [] : [tlv(type, bytes)];
}

function tlv(type: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type]), number16(value.length), value]);
}

function number16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

function mapped(address: Buffer): Buffer {
  return address.length === 16 ? address : Buffer.concat([IPV4_MAPPED, address]);
}

function requirePort(port: number): void {
  if (!Number.isInteger(port) || port < 0 || port > LARGEST_PORT) throw new RangeError('not a port');
}
