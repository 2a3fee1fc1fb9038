/**
 * Under which name an address is counted: itself, or its network. Pure.
 */
import { canonicalAddress, familyOf, withoutZone } from '../net/address.ts';
import { addressOf, octetsOf } from '../wire/ip-octets.ts';

/** One who has an IPv6 address mostly has its whole network of 64 bits (RFC 6177). */
export function addressKey(address: string): string {
  const plain = withoutZone(canonicalAddress(address));
  if (familyOf(plain) === 1) return plain;
  return `${addressOf(Buffer.concat([octetsOf(plain).subarray(0, 8), Buffer.alloc(8)]))}/64`;
}
