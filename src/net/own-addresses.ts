/**
 * Which addresses are those of this host. Asks the system; remembers nothing, because interfaces come and go.
 */
import { networkInterfaces } from 'node:os';
import { canonicalAddress, parseNetwork, withoutZone } from './address.ts';

const LOOPBACK = [parseNetwork('127.0.0.0/8'), parseNetwork('::1')];

/** Whether a connection to this literal address stays on this host. */
export function isOwnAddress(address: string): boolean {
  const plain = withoutZone(canonicalAddress(address));
  if (LOOPBACK.some((network) => network.contains(plain))) return true;
  return Object.values(networkInterfaces()).some((list) => list?.some((own) => withoutZone(own.address) === plain));
}
