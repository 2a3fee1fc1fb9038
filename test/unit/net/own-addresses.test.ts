/** Which addresses stay on this host. */
import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { isOwnAddress } from '../../../src/net/own-addresses.ts';

describe('isOwnAddress', () => {
  it.each(['127.0.0.1', '127.0.0.2', '127.255.255.254', '::1', '::ffff:127.0.0.1'])('%s is', (address) => {
    expect(isOwnAddress(address)).toBe(true);
  });

  it('every address of every interface is', () => {
    for (const { address } of Object.values(networkInterfaces()).flatMap((list) => list ?? [])) {
      expect(isOwnAddress(address), address).toBe(true);
    }
  });

  it.each(['192.0.2.1', '203.0.113.9', '2001:db8::1', '0.0.0.0', '::', ''])('%s is not', (address) => {
    expect(isOwnAddress(address)).toBe(false);
  });
});
