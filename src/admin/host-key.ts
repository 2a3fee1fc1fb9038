/**
 * Who counts as one host where the side port counts connections and wrong tokens. Pure.
 */
import { canonicalAddress, familyOf, withoutZone } from '../net/address.ts';
import { octetsOf } from '../wire/ip-octets.ts';

/** An IPv4 address, or the first 64 bits of an IPv6 address: one who has one mostly has its whole network (RFC 6177). */
export function hostKey(address: string): string {
  const plain = withoutZone(canonicalAddress(address));
  if (familyOf(plain) === 1) return plain;
  return `${octetsOf(plain).subarray(0, 8).toString('hex')}/64`;
}
