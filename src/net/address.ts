/**
 * Addresses as values: endpoints, IPv4-mapped forms, families and networks. Opens nothing and resolves nothing.
 */
import { BlockList, isIP } from 'node:net';

/** One end of a TCP connection: a literal IP address (never IPv4-mapped, no zone brackets) and a port. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** Address family of a literal address, with the numbers of RFC 2428: 1 is IPv4, 2 is IPv6. */
export type Family = 1 | 2;

/** The address in the form that is compared and shown: `::ffff:192.0.2.1` becomes `192.0.2.1`, hexadecimal digits lower case. */
export function canonicalAddress(address: string): string {
  const lower = address.toLowerCase();
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(lower);
  return mapped?.[1] ?? lower;
}

/** The address without its zone: `fe80::1%eth0` becomes `fe80::1`. A zone means something on this host only. */
export function withoutZone(address: string): string {
  return address.split('%', 1)[0] ?? address;
}

/** The endpoint with its address in canonical form. */
export function endpoint(address: string | undefined, port: number | undefined): Endpoint {
  return { address: canonicalAddress(address ?? ''), port: port ?? 0 };
}

/** Family of a literal address, after IPv4-mapped forms were folded. */
export function familyOf(address: string): Family {
  return isIP(canonicalAddress(address)) === 6 ? 2 : 1;
}

/** `192.0.2.1:21` or `[2001:db8::1]:21`. */
export function formatEndpoint({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Addresses to listen on so that all of these are covered once; `::` covers all of IPv4 and IPv6. */
export function distinctAddresses(addresses: readonly string[]): readonly string[] {
  if (addresses.includes('::')) return ['::'];
  const distinct = [...new Set(addresses)];
  if (!distinct.includes('0.0.0.0')) return distinct;
  return distinct.filter((address) => address === '0.0.0.0' || address.includes(':'));
}

/** A set of networks, compiled once. */
export interface Network {
  contains(address: string): boolean;
}

/** Whether text is a literal address or a CIDR network such as `10.0.0.0/8` or `2001:db8::/32`. */
export function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128);
}

/** Compiles `10.0.0.0/8` or a single address. Throws a RangeError for anything else. */
export function parseNetwork(text: string): Network {
  if (!isNetwork(text)) throw new RangeError(`not a network: ${text}`);
  const [address = '', prefix] = text.split('/');
  const version = isIP(address) === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  if (prefix === undefined) list.addAddress(address, version);
  else list.addSubnet(address, Number(prefix), version);
  return {
    contains(candidate) {
      const plain = canonicalAddress(candidate);
      const family = isIP(plain);
      return family !== 0 && list.check(plain, family === 4 ? 'ipv4' : 'ipv6');
    },
  };
}
